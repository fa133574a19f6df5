"""What the five designs promise, measured; and figures that stay with an executed notebook."""

from marslab.lab.claims.records import claim, record

__all__ = ["claim", "record"]
