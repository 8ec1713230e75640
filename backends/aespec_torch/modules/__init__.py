"""Modules that torch has not, or not with this meaning. They take and give channels last, and know no kinds."""
