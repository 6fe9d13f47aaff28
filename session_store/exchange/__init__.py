"""Import, export and backup of conversations. Knows neither streamlit nor the runtime."""

from session_store.exchange.backup import backup
from session_store.exchange.errors import BackupError, ExportError, ImportRefusedError
from session_store.exchange.exporting import Format, export, text
from session_store.exchange.foreign import Owner
from session_store.exchange.importing import Report, import_file
from session_store.exchange.reading import selected, whole, wholes

__all__ = [
    "BackupError",
    "ExportError",
    "Format",
    "ImportRefusedError",
    "Owner",
    "Report",
    "backup",
    "export",
    "import_file",
    "selected",
    "text",
    "whole",
    "wholes",
]
