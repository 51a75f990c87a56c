# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module of the control machine inside Ansible's worker, where a process of its own would do the same.

Of such a task's time most goes into starting Python and importing the Kubernetes library. A worker is a fork of ansible-playbook, which
imports the action plugin, and with it all of this, once: the linear strategy and the free one look at each task's action class
before they fork. Wherever the module might do something else in a process of its own, it gets one, as if there were no action plugin.
Private: may change at any time.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import importlib
import io
import json
import multiprocessing.util
import os
import sys
import traceback
import typing as t

from ansible import constants
from ansible.module_utils.common import warnings
from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator, ValidationResult
from ansible.module_utils.common.json import Direction, get_module_decoder, get_module_encoder
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors

_MODULES = "ansible_collections.podnet.cni.plugins.modules"
#: How Ansible's own modules and results are written as JSON.
_PROFILE = "legacy"

display = Display()


def spec_of(module: str) -> t.Optional[_entry.Spec]:
    """What that module is; None when it cannot be imported here."""
    try:
        spec: _entry.Spec = importlib.import_module(f"{_MODULES}.{module}").SPEC
    except ImportError:
        return None
    return spec


@dataclasses.dataclass
class WorkerCall:
    """Stands for the AnsibleModule."""

    params: t.Dict[str, t.Any]
    check_mode: bool
    no_log_values: t.Set[str]
    no_log: bool = False

    def warn(self, warning: str) -> None:
        warnings.warn(warning)

    def tell(self, line: str) -> None:
        """Shows a line at once; `_entry.teller`."""
        display.display(line)


class ControlMachineAction(ActionBase):
    """The action plugin of one module: the module's SPEC and nothing else."""

    _supports_check_mode = True
    _supports_async = True
    spec: t.ClassVar[t.Optional[_entry.Spec]] = None

    def run(self, tmp: t.Optional[str] = None, task_vars: t.Optional[t.Dict[str, t.Any]] = None) -> t.Dict[str, t.Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        reason = self._obstacle(variables)
        if self.spec is None or reason:
            display.vvv(f"{self._task.action} gets a process of its own: {reason}")
            return self._as_process(variables)
        return self._in_worker(self.spec, variables)

    def _as_process(self, variables: t.Dict[str, t.Any]) -> t.Dict[str, t.Any]:
        """What ansible.builtin.normal does."""
        wrap_async = bool(self._task.async_val) and not self._connection.has_native_async
        result: t.Dict[str, t.Any] = self._execute_module(task_vars=variables, wrap_async=wrap_async)
        if not wrap_async:
            self._remove_tmp_path(self._connection._shell.tmpdir)  # noqa: SLF001
        return result

    # --- May it be here? ---

    def _obstacle(self, variables: t.Dict[str, t.Any]) -> str:
        """Why the module needs a process of its own; empty when it does not."""
        task = self._task
        obstacles: t.Dict[str, t.Callable[[], t.Any]] = {
            "the module cannot be imported here": lambda: self.spec is None,
            "it does not run on the control machine": lambda: self._connection.transport != "local",
            "it becomes another user": lambda: task.become or self._play_context.become or self._connection.become,
            "it is asynchronous": lambda: task.async_val,
            # The alarm that ends a task after its time is the one that ends a vain search for the API server.
            "it has a timeout": lambda: task.timeout,
            "it has an environment": self._environment,
            "it has an interpreter of its own": lambda: not self._is_our_python(variables),
            "a library is not to be had here": lambda: self.spec and self.spec.lacks(),
            "what its library leaves behind cannot be removed here": lambda: self.spec and self.spec.at_exit is None,
        }
        return next((reason for reason, holds in obstacles.items() if holds()), "")

    def _environment(self) -> t.Dict[str, t.Any]:
        environment: t.Dict[str, t.Any] = {}
        self._compute_environment_string(environment)
        return environment

    def _is_our_python(self, variables: t.Dict[str, t.Any]) -> bool:
        """Whether nobody asked for another Python than the one that runs Ansible."""
        where = self._task.delegate_to
        host = variables.get("ansible_delegated_vars", {}).get(where, {}) if where else variables
        named = self._templar.template(constants.config.get_config_value("INTERPRETER_PYTHON", variables=host))
        return not named or str(named).startswith("auto") or _place(str(named)) == _place(sys.executable)

    # --- In the worker ---

    def _in_worker(self, spec: _entry.Spec, variables: t.Dict[str, t.Any]) -> t.Dict[str, t.Any]:
        if spec.at_exit is not None:
            multiprocessing.util.Finalize(None, spec.at_exit, exitpriority=0)
        # A module could change a default it was given, and in a loop the next item is in the same worker.
        validator = ModuleArgumentSpecValidator(copy.deepcopy(dict(spec.argument_spec)), **spec.rules)
        validated = validator.validate(_as_sent(self._task.args, Direction.CONTROLLER_TO_MODULE))
        secret = set(validated._no_log_values)  # noqa: SLF001  # AnsibleModule takes them from there too
        call = WorkerCall(validated.validated_parameters, bool(self._task.check_mode), secret, bool(self._task.no_log))
        if validated.error_messages:
            result = {"failed": True, "msg": self._bad_arguments(validated)}
        elif call.check_mode and not spec.supports_check_mode:
            result = {"skipped": True, "msg": f"remote module ({self._task.action}) does not support check mode"}
        else:
            result = _act(spec, call)
        if _tells_arguments(variables):
            result = {**result, "invocation": {"module_args": call.params}}
        return _returned(result, call)

    def _bad_arguments(self, validated: ValidationResult) -> str:
        message = str(validated.errors.msg)
        if isinstance(validated.errors[0], UnsupportedError):
            return f"Unsupported parameters for ({self._task.action}) module: {message}"
        return message


def _act(spec: _entry.Spec, call: WorkerCall) -> t.Dict[str, t.Any]:
    # Ansible warns of what a worker prints; of a module it would have read the last line and dropped the rest.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            return spec.act(call)
        except _errors.PodnetError as error:
            return {**error.result, "failed": True, "msg": str(error), **_traceback()}


def _traceback() -> t.Dict[str, str]:
    """What fail_json adds where the user asked for it."""
    wanted = {"always", "error"} & set(constants.config.get_config_value("DISPLAY_TRACEBACK"))
    return {"exception": traceback.format_exc()} if wanted else {}


def _returned(result: t.Dict[str, t.Any], call: WorkerCall) -> t.Dict[str, t.Any]:
    """The result as AnsibleModule gives it, and as it comes out of its JSON."""
    plain = {key: value for key, value in result.items() if value is None or isinstance(value, bool)}
    return _as_sent({**remove_values(result, call.no_log_values), **plain}, Direction.MODULE_TO_CONTROLLER)


def _tells_arguments(variables: t.Dict[str, t.Any]) -> bool:
    """Whether a result holds the module's arguments: always before ansible-core 2.21, then where the user wishes it."""
    name = "INJECT_INVOCATION"
    known = constants.config.get_configuration_definition(name)
    return not known or bool(constants.config.get_config_value(name, variables=variables))


def _as_sent(data: t.Mapping[str, t.Any], direction: Direction) -> t.Dict[str, t.Any]:
    """The data as it arrives on the other side of a module's process: lists for tuples, and no template that Ansible would trust."""
    text = json.dumps(dict(data), cls=get_module_encoder(_PROFILE, direction))
    arrived: t.Dict[str, t.Any] = json.loads(text, cls=get_module_decoder(_PROFILE, direction))
    return arrived


def _place(interpreter: str) -> t.Tuple[str, str]:
    """What tells Pythons apart: the one of a virtual environment is a link, and its directory says which packages it has."""
    return os.path.realpath(os.path.dirname(interpreter)), os.path.realpath(interpreter)
