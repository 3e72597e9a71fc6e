"""The pages on which people decide, each on their own machine: officers of an authority, holders at their node.

A desk is a process of its own beside `serve`, over the same home and records; it listens on this machine only, and
connects to nothing. How a role gets its pages:

1. The role's records have the tables of `lib.accounts` and `lib.assertions` (a migration), and its commands let
   officers in (`cli.officers`).
2. `desk/ROLE/` has a module a page; `pages(home)` gives a table of `visit.Page(path, act, method)`. An act takes a
   `visit.Visit`, which knows the officer who is signed in and the form that they sent, and gives `visit.show(template)`
   or `visit.go(path)`. Templates stand in `desk/templates/ROLE/` and extend `base.html`.
3. A decision is shown in words made from the bytes that will be signed, in a form that carries these bytes
   (`signing.html`); what comes back is the same bytes and `visit.assertion()`, which the role's function that decides
   hands to `assertions.keep` in its transaction.
4. The role's command calls `site.serve(Desk(...), pages(home))`.

Everything else is the same for all roles: passkeys, sessions, headers, and what keeps other sites and names out.
"""
