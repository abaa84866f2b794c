"""Scores of graded rows: avg@n and pass@k with intervals over questions, by model."""

from collections import Counter, defaultdict

import numpy as np
from tabulate import tabulate

from sent import statistics
from sent.data.input_row import InputRow
from sent.data.rows import Row
from sent.data.text import question_key
from sent.seeding import generator_of


class Summary:
    """Counts right and all responses of each question, and prints what follows from them.

    Rows of one id are a question, as are rows of one text; rows with neither are a question each.
    """

    def __init__(self) -> None:
        self.counts: dict[str, dict[object, list[int]]] = defaultdict(dict)
        self.verdicts: dict[str, Counter[str]] = defaultdict(Counter)

    def add(self, row: Row, found: InputRow, verdicts: list[str]) -> None:
        """Count the verdicts of a row."""
        model = found.model or "all rows"
        key = (
            found.id
            if found.id is not None
            else question_key(found.question or "") or (row.place, row.number)
        )
        counted = self.counts[model].setdefault(key, [0, 0])
        counted[0] += len(verdicts)
        counted[1] += verdicts.count("correct")
        self.verdicts[model].update(verdicts)

    def text(self) -> str:
        """Return a table with a line a model, and what its figures are."""
        rows = [self._line(model) for model in self.counts]
        header = list(dict.fromkeys(name for row in rows for name in row))
        cells = [[row.get(name, "") for name in header] for row in rows]
        table = tabulate(cells, header, tablefmt="rounded_outline", disable_numparse=True)
        return f"{table}\nPercent; in brackets the 95% interval over questions (bootstrap)."

    def _line(self, model: str) -> dict[str, str]:
        n, correct = np.array(list(self.counts[model].values())).T
        values = {f"avg@{n.min()}" if n.min() == n.max() else "avg": correct / n}
        for k in (1, 2, 4, 8, 16, 32, 64, 128, 256):
            if 1 < k <= n.min():
                values[f"pass@{k}"] = statistics.pass_at_k(n, correct, k)
        verdicts, total = self.verdicts[model], self.verdicts[model].total()
        return {
            "model": model,
            "questions": f"{len(n):,}",
            "responses": f"{total:,}",
            **{name: _with_interval(found, model, name) for name, found in values.items()},
            **{
                name.replace("_", " "): f"{100 * verdicts[name] / total:.1f}"
                for name in ("no_answer", "truncated", "timeout", "error")
                if verdicts[name]
            },
        }


def _with_interval(values: np.ndarray, model: str, metric: str) -> str:
    """A mean in percent with its interval. Few values are different, so resampling counts of these is enough."""
    distinct, times = np.unique(values, return_counts=True)
    rng = generator_of("summary", model, metric)
    resampled = (
        rng.multinomial(len(values), times / len(values), size=statistics.RESAMPLES) @ distinct / len(values)
    )
    low, high = statistics.interval(resampled[:, None])
    return f"{100 * values.mean():.1f} [{100 * low[0]:.1f}, {100 * high[0]:.1f}]"
