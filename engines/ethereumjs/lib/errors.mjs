/** Why a trace is not proved. Each becomes `{"result": false}`; the name and message are the reason. */
export class Refusal extends Error {
  /** @returns {string} */
  get reason() {
    return `${this.constructor.name}: ${this.message}`
  }
}

/** `trace` is not the canonical encoding of a Trace. */
export class InvalidTrace extends Refusal {}

/** A missing or wrong node, code or header: never read as "empty". */
export class InvalidWitness extends Refusal {}

/** A block that no Prague client accepts. */
export class InvalidBlock extends Refusal {}

/** Execution used more gas than what was paid for can explain. */
export class WorkLimitExceeded extends Refusal {}

/** The transaction can't be included, so its step is a no-op; nothing has changed. */
export class InvalidTransaction extends Error {}

/** This engine can't judge: no verdict on the trace, but on the engine (docs/protocol.md: it has no vote). */
export class EngineFailure extends Error {}

/**
 * Keeps the first refusal or failure of a verdict. @ethereumjs catches some errors and makes failed calls of them;
 * whatever it made of one, the verdict is the one recorded here.
 */
export class Guard {
  /** @type {Error | null} */
  error = null

  /**
   * @param {Error} error
   * @returns {never}
   */
  fail(error) {
    this.error ??= error
    throw this.error
  }

  /** Throws what was recorded, if anything was. */
  check() {
    if (this.error !== null) throw this.error
  }
}
