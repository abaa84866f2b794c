"""The piece of a tensor that this process holds, and a tensor made of it."""

from torch import Tensor


def own(value: Tensor) -> Tensor:
    """Return the piece of a tensor that this process holds."""
    value = value.detach()
    return value.to_local() if hasattr(value, "to_local") else value


def like(value: Tensor, piece: Tensor) -> Tensor:
    """Return a piece laid out as the tensor ``value`` is; a number, such as the step that fused AdamW counts, on its device."""
    piece = piece.to(own(value).device)
    if not hasattr(value, "to_local") or piece.dim() == 0:
        return piece
    from torch.distributed.tensor import DTensor

    assert isinstance(value, DTensor)
    mesh, placements = value.device_mesh, value.placements
    return DTensor.from_local(
        piece, mesh, placements, run_check=False, shape=value.shape, stride=value.stride()
    )
