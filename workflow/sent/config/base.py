"""What all settings share."""

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class Settings(BaseModel):
    """Base of all settings: unknown keys are errors, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    OPERATION: ClassVar[frozenset[str]] = frozenset()
    """Keys that say how a job runs: with any value it makes the same, up to the rounding of floating-point sums."""
    REPORT: ClassVar[frozenset[str]] = frozenset()
    """Keys that only the stage `results` reads: how what was made is summed up and named."""

    def science(self, operation: bool = False, report: bool = False) -> dict[str, Any]:
        """Return the keys that shape what a job makes, as JSON values; on request with those of the other kinds."""
        left_out = (frozenset() if operation else self.OPERATION) | (frozenset() if report else self.REPORT)
        kept = self.model_dump(mode="json", exclude=set(left_out))
        inner = {key: getattr(self, key) for key in kept}
        parts = {k: v.science(operation, report) for k, v in inner.items() if isinstance(v, Settings)}
        return kept | parts
