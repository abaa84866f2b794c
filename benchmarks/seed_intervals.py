"""Coverage of intervals of a difference between two methods, by the number of training seeds, on simulated evaluations.

Prints how often the 95% interval holds the true difference: of sent.statistics.over_seeds_and_questions; of the percentile
bootstrap that draws seeds and questions anew; of the bootstrap over questions alone, which takes the seeds as given.
"""

import argparse

import numpy as np
from sent.statistics import over_seeds_and_questions

QUESTIONS, RESPONSES = 240, 32
RESAMPLES = 400


def differences(
    rng: np.random.Generator, seeds: int, spread: float, effect: float, trials: int
) -> np.ndarray:
    """Return simulated differences ``[trials, S, Q]`` of two methods' shares of right responses.

    A question has a chance of its own; a training moves the chances of all by a number of standard deviation ``spread``
    (of the difference, in fractions of 1) and of each by another; each response is right or wrong. The mean is ``effect``.
    """
    chance = rng.uniform(0.3, 0.7, (trials, 1, QUESTIONS))
    moved = (
        effect + rng.normal(0, 0.05, (trials, 1, QUESTIONS)) + rng.normal(0, 0.05, (trials, seeds, QUESTIONS))
    )
    theirs = chance + moved + rng.normal(0, spread, (trials, seeds, 1))
    right = [rng.binomial(RESPONSES, np.clip(p, 0, 1), (trials, seeds, QUESTIONS)) for p in (theirs, chance)]
    return (right[0] - right[1]) / RESPONSES


def covered(values: np.ndarray, effect: float, rng: np.random.Generator) -> tuple[bool, bool, bool]:
    """Return whether each kind of interval of one trial, ``[S, Q]``, holds the effect."""
    seeds, questions = values.shape
    low, high = over_seeds_and_questions([values[..., None]]).interval()
    of_questions = rng.multinomial(questions, np.full(questions, 1 / questions), RESAMPLES) / questions
    of_seeds = rng.multinomial(seeds, np.full(seeds, 1 / seeds), RESAMPLES) / seeds
    both = np.einsum("rs,sq,rq->r", of_seeds, values, of_questions, optimize=True)
    alone = of_questions @ values.mean(axis=0)
    held = [low[0] <= effect <= high[0]]
    held += [bool(np.quantile(x, 0.025) <= effect <= np.quantile(x, 0.975)) for x in (both, alone)]
    return tuple(held)


def main() -> None:
    """Print the table of docs/results.md."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=2000)
    args = parser.parse_args()
    print(
        "| seeds | SD over trainings (points) | ours | bootstrap of seeds and questions | of questions alone |"
    )
    print("|---|---|---|---|---|")
    for seeds in (2, 3, 5, 10):
        for spread in (0.0, 0.01, 0.03):
            rng = np.random.default_rng(seeds)
            trials = differences(rng, seeds, spread, 0.02, args.trials)
            shares = np.mean([covered(values, 0.02, rng) for values in trials], axis=0)
            cells = " | ".join(f"{100 * share:.1f}%" for share in shares)
            print(f"| {seeds} | {100 * spread:g} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
