"""``lifecycle-fsm types``: a stub, so that type checkers and editors know a model's own names."""

from __future__ import annotations

from typing import Annotated

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.arguments import keep_inputs, load_model
from lifecycle_fsm.cli.options import option
from lifecycle_fsm.files import write_file
from lifecycle_fsm.model import stub


def types(
    model: options.Model,
    out: Annotated[str | None, option("FILE.pyi", "Write to this file. [default: stdout]")] = None,
) -> None:
    """Print a stub with the stages, triggers and fields of a model.

    ```sh
    lifecycle-fsm types waterfall --out waterfall_types.pyi
    ```

    In your code, for editors and type checkers only:

    ```python
    if TYPE_CHECKING:
        from waterfall_types import WaterfallLifecycle

    lifecycle = cast("WaterfallLifecycle", Lifecycle("waterfall"))
    lifecycle.person("p1").sales_rejected(at=now)
    ```
    """
    keep_inputs(out, model)
    text = stub(load_model(model))
    if out is None:
        print(text, end="")
    else:
        write_file(out, text)
