"""What the policy gradient maximises of a token, one small file each: ``surrogates/NAME.py`` holds the function ``NAME``.

A function takes ``ratio`` (policy / policy of the rollout), ``advantage`` and ``logp`` of the tokens of a micro-batch, tensors
``[n]`` of which ratio and logp carry gradients; as keyword arguments ``clip_low`` and ``clip_high`` of the method, if it has such
bounds, and its constants. It looks at each token alone, and returns two tensors ``[n]``: what is maximised, and
whether a bound holds the token's gradient (bool). A dry run imports these files, to check constants: no ``import torch``
at the top, which takes seconds; tensors bring their operations with them.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor as Tensor
else:
    Tensor = Any  # annotations are read without it
