"""The one way to the network, and the one door to httpx: `model.Fetch`, a GET that is bounded, guarded and polite.

    client.open_client      gives the Fetch: redirects, deadline, errors in words
    transport.Transport     sockets: one connection and one request per host, guarded addresses
    rules                   pure and cheap to import: allowed networks, headers, validators, content codings

Nothing is imported here, so that the config can check `allow_networks` by `rules.parse_network` without loading httpx.
"""
