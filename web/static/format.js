// Numbers, amounts, times and hashes as people read them.

const GROUPED = new Intl.NumberFormat("en-US");
const CLOCK = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const DATE = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "medium", hour12: false });

export const count = (value) => GROUPED.format(value);
export const plural = (value, noun, nouns = `${noun}s`) => `${count(value)} ${value === 1 ? noun : nouns}`;
export const short = (hash) => (hash.length > 16 ? `${hash.slice(0, 8)}…${hash.slice(-4)}` : hash);
export const timeOfDay = (milliseconds) => CLOCK.format(new Date(milliseconds));

/** L1 may say any number of seconds. */
export function dateTime(seconds) {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `${seconds} seconds` : DATE.format(date);
}

/** Wei (decimal string) in units of 10^digits wei, at most `places` decimals, never rounded up. */
function decimal(wei, digits, places) {
  const negative = wei.startsWith("-");
  const padded = (negative ? wei.slice(1) : wei).padStart(digits + 1, "0");
  const whole = GROUPED.format(BigInt(padded.slice(0, -digits)));
  const part = padded.slice(-digits).slice(0, places).replace(/0+$/, "");
  return `${negative ? "−" : ""}${whole}${part ? `.${part}` : ""}`;
}

/** Whole or nearly whole ether as such; what is too small for that in gwei or wei. */
export function ether(wei) {
  const size = BigInt(wei) < 0n ? -BigInt(wei) : BigInt(wei);
  if (size === 0n) return "0 ETH";
  if (size >= 10n ** 14n) return `${decimal(wei, 18, size >= 10n ** 20n ? 2 : 5)} ETH`;
  return gwei(wei);
}

export function gwei(wei) {
  const size = BigInt(wei) < 0n ? -BigInt(wei) : BigInt(wei);
  return size < 10n ** 6n ? `${GROUPED.format(BigInt(wei))} wei` : `${decimal(wei, 9, size >= 10n ** 11n ? 0 : 3)} gwei`;
}

export function bytes(size) {
  return size < 10_000 ? `${count(size)} bytes` : `${count(Math.round(size / 100) / 10)} kB`;
}

/** Seconds, the two largest units. */
export function duration(seconds) {
  const left = Math.max(0, Math.floor(seconds));
  const parts = [[Math.floor(left / 86400), "d"], [Math.floor(left / 3600) % 24, "h"], [Math.floor(left / 60) % 60, "m"], [left % 60, "s"]];
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return "0 s";
  return parts.slice(first, first + 2).filter(([value], index) => index === 0 || value > 0).map(([value, unit]) => `${value} ${unit}`).join(" ");
}

export const percent = (part) => `${Math.max(0, Math.min(100, part * 100)).toFixed(2)}%`;
