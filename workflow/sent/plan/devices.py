"""What the processors that jobs run on can hold and do."""

from dataclasses import dataclass

GIB = 2**30


@dataclass(frozen=True)
class Device:
    """One GPU, or one core of a CPU. ``link`` is what it sends to its neighbours in one direction."""

    name: str
    memory: float
    """Bytes that the driver reports; 0 for a CPU core, whose jobs share the machine's."""
    flops: float
    """Dense bfloat16 multiply-adds and adds a second, at most (float32 for a CPU)."""
    bandwidth: float
    """Bytes a second between memory and processor, at most."""
    link: float

    @property
    def is_gpu(self) -> bool:
        """Whether it is a GPU."""
        return self.memory > 0


def _gpu(name: str, gib: float, tflops: float, gb_per_s: float, link_gb_per_s: float) -> Device:
    return Device(name, gib * GIB, tflops * 1e12, gb_per_s * 1e9, link_gb_per_s * 1e9)


# Arithmetic (dense, without sparsity), bandwidth and links: NVIDIA's data sheets of the cards, named beside each.
# Memory: what nvidia-smi reports as total, which is a little less than the data sheet's GB taken as GiB.
GPUS = {
    device.name: device
    for device in (
        _gpu("h100-80gb", 79.6, 989.4, 3350, 450),  # H100 Tensor Core GPU data sheet, SXM5; NVLink 4
        _gpu("h200-141gb", 140.4, 989.4, 4800, 450),  # H200 Tensor Core GPU data sheet, SXM
        _gpu("b200-180gb", 178.0, 2250, 7700, 900),  # DGX B200 data sheet, an eighth of the system; NVLink 5
        _gpu("a100-80gb", 79.3, 312, 2039, 300),  # A100 Tensor Core GPU data sheet, SXM4 80 GB; NVLink 3
        _gpu("a100-40gb", 39.6, 312, 1555, 300),  # the same, 40 GB
        _gpu("l40s-48gb", 45.0, 362, 864, 32),  # L40S data sheet; PCIe 4 x16
        _gpu("l4-24gb", 22.5, 121, 300, 32),  # L4 data sheet; PCIe 4 x16
        _gpu("rtx4090-24gb", 24.0, 165.2, 1008, 32),  # Ada GPU architecture paper, float32 sums; PCIe 4 x16
    )
}

CPU = Device("cpu", 0, 5e10, 1e10, 1e10)
"""One core: 16 float32 multiply-adds a cycle (AVX2, two units) at somewhat under 3 GHz, about half of it seen in practice."""
