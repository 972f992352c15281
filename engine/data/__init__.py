"""From the files of a study to its train, validation and test samples.

- :func:`load_data` reads the splits of a study: :class:`StudyData` of :class:`Samples`.
- :class:`InputTransform` turns stored inputs into what the model was trained on.

Every reader (``parquet``, ``csv``, ``npz``, ``image_folder``) tells the labels first, which
is cheap; which rows are kept is decided on these, and only the kept rows are decoded.
"""

from engine.data.load import load_data
from engine.data.samples import Samples, StudyData
from engine.data.transform import InputTransform

__all__ = ["InputTransform", "Samples", "StudyData", "load_data"]
