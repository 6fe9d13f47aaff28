"""Tests connections in the background, because a test may take seconds, and reports the outcome."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import streamlit as st

from colloquy.agents.data.errors import ConnectionInvalidError
from colloquy.ui import state
from colloquy.ui.formatting import plain_markdown
from colloquy.ui.state import Part
from session_store.errors import ColloquyError

TRIAL: Final = "connection_trial"


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """The outcome of a test: a sentence about what was found, or about what is wrong."""

    found: bool
    text: str


@dataclass(slots=True)
class Trial:
    """A test of a workspace's connection. ``outcome`` is None while it is running."""

    workspace_id: str
    outcome: TrialOutcome | None = None
    save: Callable[[], None] | None = None
    """Saves the tested connection: called if the test succeeds, offered to the user if it fails."""
    password: str = field(default="", repr=False)
    """The password that was typed. During the test it stays in no field of the page, where others could read it."""

    def begin(self, look: Callable[[], str]) -> None:
        """Runs the test in the background, so that no page waits for a server that does not respond."""
        threading.Thread(target=self._run, args=(look,), name="connection test", daemon=True).start()

    def _run(self, look: Callable[[], str]) -> None:
        outcome = TrialOutcome(found=False, text="The test did not finish. See the log for details.")
        try:
            outcome = TrialOutcome(found=True, text=look())
            if self.save:
                self.save()
        except ConnectionInvalidError as error:
            self.save = None  # it is not a valid connection at all
            outcome = TrialOutcome(found=False, text=str(error))
        except ColloquyError as error:
            outcome = TrialOutcome(found=False, text=str(error))
        finally:
            self.outcome = outcome


def _trial_of(workspace_id: str) -> Trial | None:
    trial: Trial | None = st.session_state.get(TRIAL)
    return trial if trial and trial.workspace_id == workspace_id else None


def is_under_way(workspace_id: str) -> bool:
    """Returns whether a connection of this workspace is being tested."""
    trial = _trial_of(workspace_id)
    return trial is not None and trial.outcome is None


def has_outcome(workspace_id: str) -> bool:
    """Returns whether the page shows a test of this workspace's connection, running or finished."""
    return _trial_of(workspace_id) is not None


def is_saved(workspace_id: str) -> bool:
    """Returns whether the tested connection is now the connection of the workspace."""
    trial = _trial_of(workspace_id)
    return trial is not None and trial.save is not None and trial.outcome is not None and trial.outcome.found


def waits_to_be_saved(workspace_id: str) -> Callable[[], None] | None:
    """Returns the function that saves the connection although its test failed; None if there is nothing to save."""
    trial = _trial_of(workspace_id)
    return trial.save if trial and trial.outcome and not trial.outcome.found else None


def outcome_of_trial(workspace_id: str) -> None:
    """Draws the outcome of the last test of a workspace's connection, or that it is still running."""
    trial = _trial_of(workspace_id)
    if trial is None:
        return
    if trial.outcome is None:
        _until_over(trial)
    elif trial.outcome.found:
        st.success(plain_markdown(trial.outcome.text), icon=":material/check_circle:")
    else:
        st.error(plain_markdown(trial.outcome.text), icon=":material/error:")


@st.fragment(run_every=0.3)
def _until_over(trial: Trial) -> None:
    if state.must_give_way(Part.TRIAL) or trial.outcome:
        state.rerun()
    st.info("Testing the connection …", icon="spinner")


def typed_password(workspace_id: str) -> str:
    """Returns the password of the last tested connection; empty if none was typed."""
    trial = _trial_of(workspace_id)
    return trial.password if trial else ""


def begin_trial(
    workspace_id: str, look: Callable[[], str], save: Callable[[], None] | None = None, password: str = ""
) -> None:
    """Tests a connection of a workspace in the background; ``look`` raises ColloquyError if it does not work.

    ``save`` saves it: at once if it works, or on the user's request if it does not.
    """
    st.session_state[TRIAL] = trial = Trial(workspace_id, save=save, password=password)
    trial.begin(look)


def end_trial(workspace_id: str, problem: ColloquyError) -> None:
    """Reports a problem with a connection without a test."""
    st.session_state[TRIAL] = Trial(workspace_id, TrialOutcome(found=False, text=str(problem)))


def forget_trial() -> None:
    """Discards the outcome of the last test."""
    st.session_state.pop(TRIAL, None)
