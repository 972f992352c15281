"""Long work: one subprocess and one folder a job.

``lock`` says who is alive, ``folder`` what is known of a job, ``endings`` how it ended,
``freshness`` whether its result still holds; ``launch`` starts, cancels and lists jobs,
``places`` bounds how many work at once, ``limits`` and ``time_limit`` what each may take.
``worker`` is the process that does the work and ``progress`` how it reports. The worker is
not imported here: it is a program, and pulls in the engine.
"""

from app.jobs.folder import JobFolder, JobRequest, JobStatus
from app.jobs.launch import cancel_job, is_of_current_study, list_jobs, open_job, start_job

__all__ = [
    "JobFolder",
    "JobRequest",
    "JobStatus",
    "cancel_job",
    "is_of_current_study",
    "list_jobs",
    "open_job",
    "start_job",
]
