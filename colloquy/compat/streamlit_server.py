"""What Streamlit's server knows and does not publish, and what its runs of pages do to the process.

Holds for streamlit 1.67.
"""

from __future__ import annotations

import sys
from pathlib import Path

from streamlit.web.server.starlette.starlette_server_config import STATIC_ASSET_CACHE_MAX_AGE_SECONDS
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

__all__ = ["STATIC_ASSET_CACHE_MAX_AGE_SECONDS", "is_host_allowed", "keep_import_path_still"]


def keep_import_path_still(script: Path) -> None:
    """Have runs of ``script`` leave ``sys.path`` as it is.

    Streamlit puts the folder of the script in front of it for each run and takes it out at the end
    (``modified_sys_path``), unless it is there. Whatever a turn imports meanwhile in its own thread walks over a list
    that gets shorter, and misses an entry: "No module named …" for a module that is installed.
    """
    if str(script.parent) not in sys.path:
        sys.path.append(str(script.parent))
