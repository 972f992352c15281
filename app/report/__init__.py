"""What is known of a study as one HTML file that opens without a server and without a network.

``findings`` gathers it from run folders, ``sections`` chooses what is told of it, ``searches`` of its reweightings,
``reality`` of predictions beside real trainings, and ``page`` makes the file. Pages and the command line feed it alike:
neither DuckDB nor torch is needed.
"""

from app.report.findings import Findings, findings_of
from app.report.page import report_page

__all__ = ["Findings", "findings_of", "report_page"]
