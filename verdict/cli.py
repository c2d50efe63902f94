"""`verdict`: the command line. Each subcommand lives in verdict/commands/."""

from __future__ import annotations

import os
import sys
import traceback

os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")  # the fast keccak; before anything imports eth_hash

import typer

from verdict.commands import (
    burned_fees,
    challenger,
    config,
    demo,
    deploy,
    deposit,
    dictionary,
    execute,
    force,
    games,
    init,
    inspect,
    l1,
    message,
    node,
    scenario,
    sequencer,
    settle,
    status,
    trace,
    watch,
    withdraw,
)
from verdict.errors import EXIT_FAILURE, EXIT_USAGE, failure_of

app = typer.Typer(
    name="verdict",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""An optimistic native rollup: a wrong assertion dies by one L2 transaction and one EXECUTE call.

See it all at once:

    verdict demo

Or by hand, each in its own terminal (the configuration is configs/devnet.toml unless --config says otherwise):

    verdict l1

    verdict deploy

    verdict sequencer

    verdict challenger

    verdict node

    verdict status

    verdict watch

Money and messages, with VERDICT_USER_KEY:

    verdict deposit "1 ether"

    verdict withdraw start "1 ether"

    verdict force --to 0x... --value "1 ether"

    verdict settle

Keys come from VERDICT_DEPLOYER_KEY, VERDICT_SEQUENCER_KEY, VERDICT_CHALLENGER_KEY and VERDICT_USER_KEY, or from files
that ..._KEY_FILE names; never from the TOML.""",
    epilog="Exit codes: 0 fine, 1 failed, 2 command line, 3 configuration, 4 key, 5 deployment, 6 L1, 7 port in use, "
    "8 L2, 9 not possible (now), 10 data directory, 130 stopped by force.",
)

for name, command in (
    ("demo", demo.demo),
    ("init", init.init),
    ("l1", l1.l1),
    ("deploy", deploy.deploy),
    ("sequencer", sequencer.sequencer),
    ("challenger", challenger.challenger),
    ("node", node.node),
    ("status", status.status),
    ("games", games.games),
    ("game", games.game),
    ("assertions", games.assertions),
    ("assertion", games.assertion),
    ("trace", trace.trace),
    ("watch", watch.watch),
    ("inspect", inspect.inspect),
    ("deposit", deposit.deposit),
    ("force", force.force),
    ("burned-fees", burned_fees.burned_fees),
    ("settle", settle.settle),
    ("execute", execute.execute),
):
    app.command(name)(command)
app.add_typer(withdraw.app, name="withdraw")
app.add_typer(message.app, name="message")
app.add_typer(config.app, name="config")
app.add_typer(dictionary.app, name="dictionary")
app.add_typer(scenario.app, name="scenario")


def main() -> None:
    """Entry point. Failures that a user can mend are one message and an exit code, others a traceback."""
    if sys.flags.optimize:
        print("verdict: don't run it under python -O or PYTHONOPTIMIZE: py-evm checks KZG proofs with assert",
              file=sys.stderr)
        sys.exit(EXIT_USAGE)
    try:
        app()
    except BrokenPipeError:
        sys.exit(EXIT_FAILURE)
    except Exception as error:  # noqa: BLE001  # the process's last word
        failure = failure_of(error)
        if failure is None:
            traceback.print_exc()
            sys.exit(EXIT_FAILURE)
        print(f"verdict: {failure.message}", file=sys.stderr)
        sys.exit(failure.code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
