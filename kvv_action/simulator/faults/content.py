"""Faults in the content of answers."""

from dataclasses import replace

from kvv_action.schema import Answer
from kvv_action.simulator.call import Call
from kvv_action.simulator.faults.alteration import altered
from kvv_action.simulator.faults.model import FAILS, Fault, Turn
from kvv_action.simulator.wire import Reply

OUTPUT_CAP = 16
_COMMANDS = """\
::error::pwned
::error file=action.yml,line=1::pwned
::set-output name=x::y
::save-state name=x::y
##[error]pwned
##[set-env name=PATH]pwned
::add-mask::e
::stop-commands::x
::debug::pwned
<script>alert(1)</script> <img src=x onerror=alert(1)> </details></table>
| a | b |
```
# pwned [link](javascript:alert(1)) @everyone `pwned` ${{ github.token }} $(id) %0A::error::pwned
]]> &amp; <!-- -->"""
_SURROGATE = "\ue0ff"
"""Stands for a lone surrogate, which UTF-8 cannot hold but a JSON escape can."""
_CONTROLS = (
    "nul\x00 escape\x1b[31mred\x1b]0;title\x07 bell\x07 return\rover "
    "bidi\u202egnp.exe\u202c\u2066x\u2069 nonchar\ufffe\uffff "
    f"separators\u2028\u2029\x85 surrogate{_SURROGATE} end"
)


def _without_reasoning(answer: Answer, _: Call) -> Answer:
    return replace(answer, reasoning="")


def _with_commands(answer: Answer, _: Call) -> Answer:
    return replace(answer, content=_COMMANDS)


def _with_controls(answer: Answer, _: Call) -> Answer:
    return replace(answer, content=_CONTROLS)


def _with_surrogates(reply: Reply, _: Turn) -> Reply:
    mark = _SURROGATE.encode()
    return replace(reply, parts=tuple(part.replace(mark, b"\\ud800") for part in reply.parts))


def _recognising(answer: Answer, call: Call) -> Answer:
    return altered(answer, call) if call.varied else answer


def _capped(call: Call) -> Call:
    return replace(call, max_tokens=min(call.max_tokens or OUTPUT_CAP, OUTPUT_CAP))


FAULTS = (
    Fault("drops-reasoning", "thinks but does not hand the reasoning over", f"{FAILS}thinking content is lost",
          say=_without_reasoning),
    Fault("caps-output", f"ends every answer after {OUTPUT_CAP} tokens with finish reason length",
          "scores fall; the share of answers cut short says why", hear=_capped),
    Fault("wrong-answers", "serves a worse model: right form, other numbers, letters and tool arguments",
          "scored benchmarks fail against their references", say=altered),
    Fault("recognises-benchmark", "serves published items well, and a worse model where they are put another way",
          "with holdout both, the gap between published and varied items; nothing without", say=_recognising),
    Fault("workflow-commands-in-content", "answers with workflow commands, markdown and HTML",
          "a wrong answer; nothing of it is carried out by runner, summary or report", say=_with_commands),
    Fault("control-characters", "answers with control characters, bidi overrides and a lone surrogate",
          "a wrong answer; journal and reports stay readable and well-formed", say=_with_controls,
          send=_with_surrogates),
)  # fmt: skip
