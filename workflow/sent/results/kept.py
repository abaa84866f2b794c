"""Which policy of a training is evaluated: what every table of scores says."""

from duckdb import DuckDBPyConnection

from sent.results.queries import frame

WORDS = {
    "last": "the policy after its last step",
    "best_probe": "the policy of the last stage's step with the best probe pass@1",
}


def sentence(connection: DuckDBPyConnection) -> str:
    """Return a sentence about the trained policies, with a space before it; nothing where none was trained."""
    found = frame(connection, "select_kept")
    kept = list(dict.fromkeys(found["keep"]))
    if not kept:
        return ""
    if len(kept) == 1:
        return f" Of each training, {WORDS[kept[0]]} is evaluated."
    each = [f"{WORDS[keep]} ({', '.join(found.loc[found['keep'] == keep, 'method'])})" for keep in kept]
    return f" Of each training is evaluated: {'; '.join(each)}."
