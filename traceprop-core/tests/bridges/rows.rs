//! Words that are promised to come back exactly from hops that speak only W3C.
