"""The rollup on a terminal: what `verdict status`, `games`, `assertions`, `trace` and `watch` print."""
