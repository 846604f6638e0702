"""Watch or change what the modules of a net put out, by hooks on a twin, so that the net itself never carries one."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, final

from torch import Tensor, nn

from ganwidgets.core.errors import LayerError, one_of
from ganwidgets.core.nets import twin

Change = Callable[[str, Tensor], Tensor]


class _Enough(BaseException):
    """Ends a run once everything asked for was seen."""


@final
class Trace:
    """Within `with Trace(net, names) as trace:`, `trace.run(x)` runs a twin; `trace.outputs[name]` is what came last.

    `change(name, output)` answers what the run goes on with; what is recorded is the changed output. `stop`: end the
    run when every name was seen (it then answers None). After the `with`, the twin's hooks are gone and it cannot run.
    Errors: LayerError for a name that is no module of the net.
    """

    def __init__(self, net: nn.Module, names: str | Sequence[str], *, change: Change | None = None,
                 stop: bool = False) -> None:
        self.names = (names,) if isinstance(names, str) else tuple(names)
        modules = [name for name, _ in net.named_modules() if name]
        for name in self.names:
            if name not in modules:
                raise LayerError(one_of("module", name, modules, where=type(net).__name__))
        self.outputs: dict[str, Tensor] = {}
        self._original, self._change, self._stop = net, change, stop
        self._net: nn.Module | None = None
        self._hooks: list[Any] = []

    def __enter__(self) -> "Trace":
        self._net = twin(self._original)
        self._hooks = [self._net.get_submodule(name).register_forward_hook(self._hook(name)) for name in self.names]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 where: TracebackType | None) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks, self._net = [], None

    def run(self, *inputs: Any, **named: Any) -> Any:
        """Run the twin; None where `stop` ended the run early."""
        if self._net is None:
            raise LayerError("this trace is over; run the net inside `with Trace(...) as trace:`.")
        self.outputs.clear()
        try:
            return self._net(*inputs, **named)
        except _Enough:
            return None

    def _hook(self, name: str) -> Callable[[nn.Module, Any, Any], Any]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
            answer = output if self._change is None else self._change(name, output)
            self.outputs[name] = answer
            if self._stop and len(self.outputs) == len(self.names):
                raise _Enough
            return answer
        return hook
