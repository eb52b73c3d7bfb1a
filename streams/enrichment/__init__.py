"""The enrichment stage: finds out what each resource is, and which jobs it wants. `faust -A streams.enrichment
worker`.
"""

from streams.runtime.lazy import lazy_app

__getattr__ = lazy_app(__name__)
