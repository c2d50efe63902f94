"""One game, or one assertion, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from verdict.viewing.format import NOBODY, bar, coloured, ether, plural, price, short, size, span
from verdict.viewing.tables import Tables, ending, verdict_of

BAR = 32  # characters


def print_game(console: Console, game: Mapping[str, Any], now: int) -> None:
    whole = (game["opened_lo"], game["opened_hi"])
    console.print(f"[bold]game {game['id']}[/bold]  {coloured(game['status'])}")
    console.print(f"about      steps {whole[0]:,} to {whole[1]:,} of batch {game['batch']}, assertion {game['assertion']}")
    console.print(f"asserter   {game['asserter']}")
    console.print(f"challenger {game['challenger']}")
    if game["mover"]:
        clocks = ", ".join(f"{side} {span(left)}{' (runs)' if side == game['mover'] else ''}"
                           for side, left in game["clocks"].items())
        ran_out = now >= game["deadline"]
        console.print(f"move       the {game['mover']} has to {game['stage']} between steps {game['lo']:,} and "
                      f"{game['hi']:,} ({plural(game['steps'], 'step')} left)")
        console.print(f"clocks     {clocks}" + ("  [red]run out: anyone can call timeout[/]" if ran_out else ""))
        _forecast(console, game["forecast"])
    else:
        _outcome(console, game)
    console.print()
    console.print(_moves(game["moves"], whole))
    if game["proof"]:
        print_proof(console, game["proof"])


def _forecast(console: Console, forecast: Mapping[str, Any] | None) -> None:
    if forecast is None:
        console.print("forecast   none: the batch is not derived on this machine")
    else:
        console.print(f"forecast   the {forecast['winner']} wins: {forecast['why']}")


def _outcome(console: Console, game: Mapping[str, Any]) -> None:
    last = game["moves"][-1]
    text = {
        "prove": f"step {last['lo']:,} was proved wrong by EXECUTE",
        "timeout": f"the {'challenger' if game['status'] == 'asserter won' else 'asserter'}'s clock ran out",
        "void": "the assertion was over before the game was; the challenger's bond goes back",
    }.get(last["kind"], "")
    console.print(f"outcome    {text}")


def _moves(moves: Sequence[Mapping[str, Any]], whole: tuple[int, int]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    right = {"#", "steps", "L1 block", "L1 gas"}
    for name in ("#", "move", "by", "steps", f"{whole[0]:,} to {whole[1]:,}", "L1 block", "L1 gas"):
        table.add_column(name, justify="right" if name in right else "left", no_wrap=True)
    for number, move in enumerate(moves):
        colour = {"split": "cyan", "pick": "yellow", "prove": "bold red", "open": "yellow"}.get(move["kind"], "dim")
        steps = f"{move['lo']:,} to {move['hi']:,}"
        shape = bar(move["lo"], move["hi"], whole, BAR) if move["kind"] != "split" else _cuts(move, whole)
        table.add_row(str(number), f"[{colour}]{move['kind']}[/]", short(move["by"]) if move["by"] else "", steps,
                      f"[{colour}]{shape}[/]", f"{move['l1_block']:,}", f"{move['gas_used']:,}" if move["gas_used"] else "")
    return table


def _cuts(move: Mapping[str, Any], whole: tuple[int, int]) -> str:
    """A split: the interval with a mark where commitments were given."""
    shape = list(bar(move["lo"], move["hi"], whole, BAR, ("─", "·")))
    parts = len(move["commitments"]) + 1
    for part in range(1, parts):
        step = move["lo"] + (move["hi"] - move["lo"]) * part // parts
        at = (step - whole[0]) * BAR // max(1, whole[1] - whole[0])
        shape[min(at, BAR - 1)] = "┼"
    return "".join(shape)


def print_proof(console: Console, proof: Mapping[str, Any]) -> None:
    """The call of EXECUTE that settled it."""
    where = f"batch {proof['batch']}" + (f", {proof['place']}" if proof["place"] else "")
    kind = proof["kind"] or "not told: a contract in between called the Rollup"
    console.print(f"[bold]EXECUTE[/bold]    step {proof['step']:,} ({where}): {kind}")
    if proof["l2_transaction"]:
        console.print(f"L2         transaction {proof['l2_transaction']}")
        console.print(f"           from {proof['sender']} to {proof['to'] or 'a new contract'}")
    console.print(f"claimed    {proof['claimed']}")
    console.print(f"proved     {proof['proved']}")
    if proof["calldata_bytes"] is not None:
        console.print(f"sizes      witness {size(proof['witness_bytes'])}, calldata {size(proof['calldata_bytes'])}")
    console.print(f"cost       {proof['l1_gas']:,} L1 gas; {proof['l2_gas']:,} L2 gas bought of EXECUTE for "
                  f"{price(proof['execute_fee'])}")
    console.print(f"L1         block {proof['l1_block']:,}, transaction {proof['transaction']}")


def print_assertion(console: Console, made: Mapping[str, Any], games: Sequence[Mapping[str, Any]], now: int) -> None:
    """`games`: those on it, as entries of a list."""
    console.print(f"[bold]assertion {made['id']}[/bold]  {coloured(made['status'])}")
    console.print(f"says       batch {made['batch']} has {plural(made['steps'], 'step')} and leads to")
    console.print(f"           state root {made['state_root']}")
    console.print(f"           block {made['block_hash']}")
    console.print(f"           commitment {made['commitment']}")
    console.print(f"parent     {made['parent']}")
    who = "nobody: it was settled, proved by EXECUTE" if made["asserter"] == NOBODY else made["asserter"]
    console.print(f"asserter   {who}")
    console.print(f"L1         block {made['l1_block']:,}, transaction {made['transaction']}")
    if made["status"] != "killed":
        console.print(f"{'window' if made['status'] == 'pending' else 'confirmed':10} {ending(made, now)}")
    console.print(f"it is      {verdict_of(made)}")
    if (killed := made["killed"]) is not None:
        console.print(f"killed     by {killed['by']}: {killed['reason']}; {ether(killed['paid'])} paid, "
                      f"{ether(killed['burned'])} burned, L1 transaction {killed['transaction']}")
    if games:
        console.print()
        Tables(console, now).games(games)
    if made["proof"]:
        print_proof(console, made["proof"])
