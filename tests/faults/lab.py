"""An undisturbed run, a copy of it that is disturbed, and what may be wrong with the copy afterwards."""

import re
import shutil
from pathlib import Path

import kept_run

CONFIG = Path(__file__).with_name("experiment.yaml")


class Lab:
    """The kept run, a copy of it to be disturbed, and what runs the jobs."""

    def __init__(self, folder: Path, targets: list[str]):
        self.kept, self.work = folder / "kept", folder / "work"
        self.kept.mkdir()
        self.server = kept_run.Server(folder)
        self.jobs = kept_run.make(self.kept, self.server, CONFIG, targets)
        self.expected = {
            path: kept_run.content(self.kept / path) for job in self.jobs for path in job.outputs
        }
        shutil.copytree(self.kept, self.work)

    def job(self, stage: str) -> kept_run.Job:
        """The first job of a stage."""
        return next(job for job in self.jobs if job.stage == stage)

    @property
    def one_of_each(self) -> list[kept_run.Job]:
        """The last job of each kind: of training the one that goes on from another."""
        return list({(job.stage, job.name.partition(" ")[0]): job for job in self.jobs}.values())

    def start(self, job: kept_run.Job) -> None:
        """Put back what the job reads, without what it writes."""
        kept_run.restore(job, self.kept, self.work)
        for path in job.outputs:
            kept_run.remove(self.work / path)

    def wrong(self, job: kept_run.Job) -> str | None:
        """Whether an output is there that is not as an undisturbed job leaves it."""
        for path in job.outputs:
            if (self.work / path).exists() and kept_run.content(self.work / path) != self.expected[path]:
                return f"{path} is half-made, or other than undisturbed"
        return None

    def repeated(self, job: kept_run.Job) -> str | None:
        """What is wrong after the job has run again, undisturbed."""
        status, _ = self.server.run(self.work, job.argv)
        missing = [path for path in job.outputs if not (self.work / path).exists()]
        if status or missing:
            return f"run again: status {status}, missing {missing}: {self.server.said()[-300:]}"
        left = kept_run.leftovers(self.work)
        return self.wrong(job) or (f"leftovers {left}" if left else None)

    def refused(self, job: kept_run.Job, status: int, name: str) -> str | None:
        """What is wrong with how a job ended that was to fail with an error that names a file, or to do without it."""
        said = self.server.said()
        if status == 0:
            return self.wrong(job)
        if status != 1 or "Traceback" in said:
            return f"status {status}: {said[-300:]}"
        if len(re.findall("^error: ", said, re.MULTILINE)) != 1 or name not in said:
            return f"no one error that names {name}: {said[-300:]}"
        left = kept_run.leftovers(self.work)
        return self.wrong(job) or (f"leftovers {left}" if left else None)
