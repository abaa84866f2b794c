"""Base models whose scores are not the published ones: worth an answer before anything is trained."""

from duckdb import DuckDBPyConnection

from sent.results.queries import frame


def alarms(connection: DuckDBPyConnection) -> list[str]:
    """Return a sentence for every base model and benchmark that is off, see the view `baseline_check`."""
    return [
        f"{row.model} on {row.benchmark}: base model has {row.metric} {100 * row.ours:.1f}% "
        f"[{100 * row.low:.1f}, {100 * row.high:.1f}], {row.source} has {100 * row.published:.1f}%; "
        "check prompt, decoding, grading"
        for row in frame(connection, "FROM baseline_check WHERE off").itertuples()
    ]
