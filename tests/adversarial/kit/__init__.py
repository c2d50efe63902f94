"""What scenarios are made of. See tests/adversarial/README.md."""

from tests.adversarial.kit.devnet import Devnet
from tests.adversarial.kit.scenario import Stage, scenario

__all__ = ["Devnet", "Stage", "scenario"]
