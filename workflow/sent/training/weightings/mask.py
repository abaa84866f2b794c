"""Policy gradient on forking tokens only."""

from sent.training.parts import CURRENT_POLICY, TOKEN_RATIO, needs
from sent.training.selection import Choice, Share, Tokens, count, highest


@needs(CURRENT_POLICY, TOKEN_RATIO)
def mask(tokens: Tokens, *, share: Share) -> Choice:
    """Keep the policy gradient of the ``share`` of tokens with the highest entropy (Wang et al. 2025, eq.
    6).
    """
    chosen = highest(tokens.entropy, count(share, len(tokens)))
    threshold = float(tokens.entropy[chosen].min())
    return Choice(pg_weight=chosen.astype(float), diagnostics={"selected_entropy_threshold": threshold})
