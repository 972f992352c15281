"""From the files of a study to its train, validation and test samples.

- :func:`load_data` reads the splits of a study: :class:`StudyData` of :class:`Samples`.
- :func:`load_excerpt` reads a few of them and the labels of all.
- :func:`known_label_errors` tells which training labels are known to be wrong, where the file says so.
- :class:`InputTransform` turns stored inputs into what the model was trained on.

Every reader (``parquet``, ``csv``, ``npz``, ``image_folder``) tells the labels first, which
is cheap; which rows are kept is decided on these, and only the kept rows are decoded.
"""

from engine.data.known_errors import known_label_errors
from engine.data.load import Excerpt, load_data, load_excerpt
from engine.data.samples import Samples, StudyData
from engine.data.transform import InputTransform

__all__ = ["Excerpt", "InputTransform", "Samples", "StudyData", "known_label_errors", "load_data", "load_excerpt"]
