"""Tokens of a batch, padding included: large enough to fill the processor, small enough for its cache.

Measured by texts a second of random encoders 128 to 1,024 wide (docs/performance.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from featx.features.packed import has_matrix_tiles

if TYPE_CHECKING:
    import torch

#: Where there is memory for it, larger batches cost nothing.
_TOKENS = {"mps": 8_192, "cuda": 65_536}
#: On a CPU: numbers in the hidden states of a batch, and the fewest tokens.
_NUMBERS, _FEWEST = 2**19, 1_024
#: Products by tiles are so fast that small ones are all start-up.
_FACTOR_FOR_TILES = 2


def usual_batch_tokens(device: torch.device, dtype: torch.dtype, hidden_size: int) -> int:
    """Tokens of a batch where the user asks for none.

    Parameters
    ----------
    device : torch.device
    dtype : torch.dtype
        Type of the computation.
    hidden_size : int
        Width of the encoder.

    Examples
    --------
    >>> import torch
    >>> [usual_batch_tokens(torch.device("cpu"), torch.float32, width) for width in (128, 256, 384, 768)]
    [4096, 2048, 1024, 1024]
    """
    import torch

    if device.type != "cpu":
        return _TOKENS[device.type]
    tokens: int = max(_FEWEST, 1 << ((_NUMBERS // hidden_size).bit_length() - 1))
    return tokens * (_FACTOR_FOR_TILES if dtype == torch.bfloat16 and has_matrix_tiles() else 1)
