"""Questions to the hub: what may be asked, and the answers that are more than one look-up.

Sits between the store, which knows rows, and the API, which knows JSON.
"""
