"""The sidebar: what matched and a filter in, counts and ranges that say exactly what a tick gives out."""

from mercato.facets.sidebar import Bucket, Counted, Facets, Narrowed, Sidebar, Spread

__all__ = ["Bucket", "Counted", "Facets", "Narrowed", "Sidebar", "Spread"]
