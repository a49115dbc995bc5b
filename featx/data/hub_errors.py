"""What was tried when the Hub cannot be reached: for error messages and ``featx doctor``."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


def tried() -> str:
    """Say where the Hub client looked, for an error message.

    Notes
    -----
    ``HF_ENDPOINT``, ``HF_HUB_OFFLINE``, ``HF_HOME`` and ``HF_HUB_CACHE`` are the Hub client's own.
    """
    from huggingface_hub import constants, is_offline_mode

    cache = f"the cache in {constants.HF_HUB_CACHE}"
    if is_offline_mode():
        return f"HF_HUB_OFFLINE is set, so only {cache} was searched"
    return f"tried {constants.ENDPOINT} and {cache}"


def is_unreachable(error: BaseException | None) -> bool:
    """Return whether `error`, or one that led to it, says that the Hub did not answer.

    Without a network a file that is missing is not looked for, so that any missing file may be the reason.
    """
    from huggingface_hub import is_offline_mode
    from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled

    if is_offline_mode() and isinstance(error, OSError):
        return True
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        kinds = (LocalEntryNotFoundError, OfflineModeIsEnabled, ConnectionError, TimeoutError)
        if isinstance(error, kinds) or type(error).__name__ in ("ConnectError", "ConnectTimeout", "ReadTimeout"):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def quiet_hub() -> Iterator[None]:
    """Keep the Hub client's remarks on each retry off standard error; what matters is said once, by featx."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(max(level, logging.ERROR))
    try:
        yield
    finally:
        logger.setLevel(level)
