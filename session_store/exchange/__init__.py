"""Import, export and backup of conversations. Knows neither streamlit nor the runtime."""

from session_store.exchange.agent_files import AgentFile, AgentFiles
from session_store.exchange.backup import backup
from session_store.exchange.errors import BackupError, ExportError, ImportRefusedError
from session_store.exchange.exporting import SUFFIXES, Format, export, pieces, text
from session_store.exchange.foreign import Owner
from session_store.exchange.importing import Report, Skipped, Wishes, import_database, import_file
from session_store.exchange.notes import Change
from session_store.exchange.reading import chats_by_user, selected, whole, wholes

__all__ = [
    "SUFFIXES",
    "AgentFile",
    "AgentFiles",
    "BackupError",
    "Change",
    "ExportError",
    "Format",
    "ImportRefusedError",
    "Owner",
    "Report",
    "Skipped",
    "Wishes",
    "backup",
    "chats_by_user",
    "export",
    "import_database",
    "import_file",
    "pieces",
    "selected",
    "text",
    "whole",
    "wholes",
]
