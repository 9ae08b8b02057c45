"""Who is who: what an item is recognised by, and what a fetched item means for what the store already knows. Pure.

A key that hits adopts the known item, so that its id stays.
"""

from aggregator.identity.deciding import decide as decide
from aggregator.identity.keys import PRINTS as PRINTS
from aggregator.identity.keys import canonical_url as canonical_url
from aggregator.identity.keys import digest as digest
from aggregator.identity.keys import is_global as is_global
from aggregator.identity.keys import keys as keys
from aggregator.identity.keys import signs as signs
from aggregator.identity.keys import story_keys as story_keys
from aggregator.identity.values import Change as Change
from aggregator.identity.values import Decision as Decision
from aggregator.identity.values import Habits as Habits
from aggregator.identity.values import Known as Known
