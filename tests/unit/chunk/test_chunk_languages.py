"""What chunk_file makes of one realistic file per language, chunk by chunk."""

from __future__ import annotations

from pathlib import Path

import pytest

from raycontext.chunk.chunker import chunk_file
from raycontext.chunk.languages.detect import LANGUAGES, detect_language

SNIPPETS = Path(__file__).parent / "snippets"
TARGET_BYTES = 100  # small, so that nearly every definition is a chunk of its own

# file, language: lines, kind, [symbol], <scope> of each chunk
EXPECTED = """
CMakeLists.txt cmake
    1-4 constant [WITH_TESTS demo] <>
    6-9 function [add_module] <>
    11-12 module [demo] <>
Cache.java java
    1-4 import [] <>
    6-8 class [Cache] <>
    9-9 constant [DEFAULT_LIMIT HARD_LIMIT] <Cache>
    10-10 constant [entries] <Cache>
    12-14 method [Cache] <Cache>
    16-19 method [get] <Cache>
    21-24 class [Statistics hits] <Cache>
    26-28 interface [Store get] <>
    30-36 enum [Policy evictsOldest] <>
    38-42 class [Entry] <>
    44-44 interface [ThreadSafe] <>
Dockerfile dockerfile
    1-4 section [builder] <>
    6-8 section [debian] <>
Mailer.php php
    1-7 import [] <>
    9-13 interface [Sends send VERSION] <>
    15-15 interface [Logs] <>
    16-19 method [log] <Logs>
    21-24 class [Mailer] <>
    26-27 constant [RETRIES queue] <Mailer>
    29-29 method [__construct] <Mailer>
    31-35 method [send] <Mailer>
    37-43 enum [Priority mailer] <>
    45-45 block [] <>
    46-49 function [mail_later] <>
    51-53 function [handler] <>
Makefile make
    1-2 constant [CC] <>
    4-12 function [all run] <>
    13-14 function [clean] <>
Order.cs csharp
    1-2 import [] <>
    4-5 module [Shop.Orders] <>
    6-9 class [Order] <Shop.Orders>
    10-11 constant [MaxLines lines] <Shop.Orders > Order>
    13-13 constant [Name] <Shop.Orders > Order>
    15-18 method [Order] <Shop.Orders > Order>
    20-23 method [TotalAsync] <Shop.Orders > Order>
    25-26 method [operator +] <Shop.Orders > Order>
    28-31 interface [IOrder TotalAsync] <Shop.Orders>
    33-35 enum [Status Line] <Shop.Orders>
    37-38 type [Changed] <Shop.Orders>
Panel.vue vue
    1-3 block [] <>
    5-6 import [] <>
    8-10 function [useCounter] <>
    12-13 block [] <>
    14-20 method [add] <>
    22-24 block [] <>
Parser.scala scala
    1-3 import [] <>
    5-7 class [Parser position] <>
    8-13 method [parse Result] <Parser>
    15-19 interface [Reads Error read] <>
    21-22 class [Parser intReads] <>
    24-27 method [apply] <Parser>
    29-30 enum [Token] <>
    32-34 method [compare Ordering[Token]] <Ordering[Token]>
    36-37 module [String parsed] <>
    39-39 function [helper] <>
Player.kt kotlin
    1-4 import [] <>
    6-8 class [Player] <>
    9-10 constant [rank] <Player>
    12-14 method [compareTo] <Player>
    16-17 constant [START] <Player>
    19-23 method [guest] <Player>
    25-27 interface [Scores load] <>
    29-33 enum [Level next] <>
    35-39 class [Registry register] <>
    41-45 method [isWinning Players] <Player>
    47-47 constant [defaultPlayers] <>
Report.pm perl
    1-11 module [Report::Daily NAME VERSION] <>
    13-16 function [new] <Report::Daily>
    18-23 function [print_all] <Report::Daily>
Session.swift swift
    1-1 import [] <>
    3-5 class [Session id] <>
    6-10 method [init tasks] <Session>
    12-14 method [deinit] <Session>
    16-19 method [load] <Session>
    21-23 interface [Loading load] <>
    25-27 class [Task url] <>
    29-30 enum [State] <>
    31-34 method [isBusy] <State>
    36-40 module [Session cancelAll] <>
    42-42 type [Handler] <>
    44-46 function [makeSession] <>
Stack.hs haskell
    1-6 module [Data.Stack] <>
    8-9 import [] <>
    11-15 class [Stack] <>
    17-19 class [Depth Stacks] <>
    21-24 function [push] <>
    26-26 interface [Container] <>
    27-29 method [insert empty] <Container>
    31-33 module [Container Stack empty insert] <>
    35-35 module [Functor Stack] <>
    36-37 method [fmap] <Functor Stack>
    39-41 function [<+>] <>
    43-46 function [size] <>
Tools.ps1 powershell
    1-5 function [Get-Thing] <>
    7-13 class [Thing Rename Name] <>
    15-17 enum [Size Default] <>
View.m objc
    1-1 import [] <>
    3-4 class [View title] <>
    5-6 method [drawTitle:atX:] <View>
    8-8 class [View] <>
    10-13 method [drawTitle:atX:] <View>
    15-19 method [shared] <View>
    21-23 function [helper] <>
account.rb ruby
    1-2 import [] <>
    4-6 module [Bank LIMIT] <>
    7-9 class [Account] <Bank>
    11-12 constant [KINDS owner balance] <Bank > Account>
    14-14 method [active] <Bank > Account>
    16-18 method [initialize] <Bank > Account>
    20-22 method [open] <Bank > Account>
    24-30 method [reset!] <Bank > Account>
    32-35 method [audit] <Bank > Account>
    37-42 class [Entry positive?] <Bank>
    44-46 function [settle] <>
    48-48 test [Bank::Account] <>
    49-52 test [opens] <Bank::Account>
buffer.rs rust
    1-6 import [] <>
    8-8 constant [CAPACITY] <>
    10-14 class [Buffer] <>
    16-21 enum [State Bytes] <>
    23-23 interface [Source] <>
    24-25 method [next_item Item] <Source>
    26-29 method [skip] <Source>
    31-31 module [Buffer] <>
    32-36 method [new] <Buffer>
    38-38 module [Buffer] <>
    39-42 method [fmt] <Buffer>
    44-46 macro [buffer] <>
    48-52 function [connect] <>
    54-56 function [memcpy_s] <>
    58-60 module [tests] <>
    62-66 function [new_buffer_is_empty] <tests>
build.groovy groovy
    1-3 block [] <>
    5-11 class [Build run] <>
    13-19 function [helper compile] <>
cart.ex elixir
    1-6 class [Shop.Cart] <>
    8-10 type [t limit] <Shop.Cart>
    12-13 method [add] <Shop.Cart>
    14-14 method [add] <Shop.Cart>
    15-16 block [] <Shop.Cart > add>
    18-18 block [] <Shop.Cart > add>
    20-22 method [total] <Shop.Cart>
    24-27 macro [sigil_c] <Shop.Cart>
    29-31 interface [Shop.Priced price] <>
    33-35 module [Shop.Priced price] <>
    37-38 class [Shop.CartTest] <>
    40-40 test [add/2] <Shop.CartTest>
    41-45 test [adds an item] <Shop.CartTest > add/2>
client.py python
    1-5 import [] <>
    6-8 import [] <>
    10-13 constant [orjson] <>
    15-16 constant [DEFAULT_TIMEOUT_SECONDS LOW HIGH] <>
    19-22 class [Request url] <>
    23-26 method [describe retries] <Request>
    29-30 class [HttpClient] <>
    32-32 constant [pool_size] <HttpClient>
    34-36 method [__init__] <HttpClient>
    38-40 method [is_open] <HttpClient>
    42-42 method [send] <HttpClient>
    43-43 function [attempt] <HttpClient > send>
    44-44 block [] <HttpClient > send > attempt>
    46-46 block [] <HttpClient > send>
    47-50 block [] <HttpClient > send>
    51-51 block [] <HttpClient > send>
    54-54 type [Headers] <>
    57-58 function [connect] <>
compose.yaml yaml
    1-2 constant [version] <>
    4-4 constant [services] <>
    5-12 constant [web] <services>
    13-18 constant [database] <services>
    20-21 constant [volumes] <>
core.clj clojure
    1-2 import [] <>
    4-10 function [greet limit] <>
    12-13 macro [unless] <>
    15-20 class [Dog Speaks speak] <>
counter.erl erlang
    1-5 class [state LIMIT counter] <>
    7-10 function [start] <>
    12-15 function [loop] <>
default.nix nix
    1-1 block [] <>
    2-3 constant [version] <>
    4-4 function [build] <>
    5-11 constant [services.demo package enable] <>
deploy.sh bash
    1-4 import [] <>
    6-13 function [build TARGET REGION] <>
    15-17 function [upload] <>
    19-26 function [notify] <>
geometry.jl julia
    1-3 module [Geometry] <>
    5-12 class [Circle Shape] <Geometry>
    14-14 function [area] <Geometry>
    16-18 method [show] <Geometry > Base>
    20-26 macro [twice UNIT] <Geometry>
guide.md markdown
    1-8 section [Guide] <>
    10-19 section [Install Use demo] <Guide>
    21-29 section [Other guide Details] <>
lesson.ipynb notebook
    1-2 section [] <>
    3-10 section [Lesson] <>
    11-19 function [area] <>
    20-22 section [] <>
list.c c
    1-3 import [] <>
    5-5 macro [LIST_MAX] <>
    6-7 macro [LIST_EACH] <>
    9-12 class [node_t node] <>
    14-18 class [list order] <>
    20-22 type [list_compare depth width] <>
    24-24 function [list_size] <>
    26-26 function [list_find] <>
    27-27 function [list_find] <>
    28-35 block [] <list_find>
    37-37 function [list_slots] <>
    39-39 block [] <>
    40-42 function [list_sort] <>
    43-47 function [list_sort] <>
    49-52 function [list_is_empty] <>
    53-59 function [list_free] <>
    60-62 block [] <list_free>
main.tf hcl
    1-7 section [web region] <aws_instance>
main.zig zig
    1-1 import [] <>
    3-5 class [Point] <>
    7-10 method [length] <Point>
    12-14 function [main] <>
    16-18 test [length of the origin] <>
model.r r
    1-8 function [fit_line ALPHA] <>
    10-14 class [Model fit] <>
    16-18 method [summary] <>
notes.rst rst
    1-15 section [Manual Install Remove] <>
orders.proto proto
    1-5 import [] <>
    7-14 class [Order Line] <>
    16-22 enum [Status Orders Place] <>
package.toml toml
    1-5 section [package title name version] <>
    7-10 section [dependencies serde tokio] <>
    12-13 section [bin name] <>
page.html html
    1-1 block [] <>
    2-5 block [] <>
    6-10 section [top] <>
    11-15 section [orders] <>
panel.tsx tsx
    1-1 import [] <>
    3-3 type [Props] <>
    5-5 function [Panel] <>
    6-6 block [] <Panel>
    7-8 block [] <Panel>
    10-11 class [Boundary state] <>
    13-16 method [render] <Boundary>
queue.go go
    1-7 import [] <>
    9-10 constant [ErrFull] <>
    12-15 constant [defaultSize maxSize] <>
    17-21 class [Job] <>
    23-26 interface [Worker Names Work] <>
    28-31 class [Queue] <>
    33-36 function [New] <>
    38-44 method [Push] <Queue>
    46-46 method [String] <Job>
schema.graphql graphql
    1-9 class [Person Node] <>
    11-15 enum [Role AllPeople] <>
schema.sql sql
    1-5 class [customers] <shop>
    7-7 constant [customers_by_name] <>
    9-13 function [total] <>
    15-18 class [best_customers] <>
server.js javascript
    1-4 import [] <>
    6-6 constant [defaultPort host] <>
    8-11 function [Router] <>
    13-15 method [match] <Router>
    17-21 class [Queue push] <>
    23-25 function [listen] <>
    27-27 function [close] <>
    29-29 block [] <>
    30-35 method [start stop] <>
    36-37 block [] <>
    39-43 function [hidden] <>
    45-45 test [router] <>
    46-49 test [matches a path] <router>
settings.json json
    1-2 constant [name] <>
    3-6 constant [scripts] <>
    7-11 constant [dependencies] <>
shape.cpp cpp
    1-3 import [] <>
    5-8 function [counter shapes] <shapes>
    10-11 class [Shape] <shapes>
    12-14 method [Shape ~Shape] <shapes > Shape>
    16-17 method [area] <shapes > Shape>
    18-19 method [operator bool draw] <shapes > Shape>
    20-24 class [Corner operator== x] <shapes > Shape>
    26-28 constant [width_] <shapes > Shape>
    30-31 enum [Color Names] <shapes>
    32-36 method [draw kSides] <shapes > Shape>
    38-41 method [clone] <shapes > Shape>
    43-43 method [~Shape] <shapes > Shape>
    45-48 function [operator<<] <shapes>
    50-52 function [shape_count] <>
    54-56 test [ShapeTest.HasArea] <>
site.css css
    1-5 section [:root --accent] <>
    7-10 section [.toolbar, .toolbar > a:hover] <>
    12-16 section [.toolbar] <>
    18-20 section [fade] <>
store.ts typescript
    1-2 import [] <>
    4-6 interface [StoreOptions] <>
    8-10 enum [Mode Listener] <>
    12-14 class [MemoryStore] <>
    15-16 constant [items instances] <MemoryStore>
    18-20 method [constructor] <MemoryStore>
    22-24 method [size] <MemoryStore>
    26-26 method [add] <MemoryStore>
    27-27 block [] <MemoryStore > add>
    28-29 block [] <MemoryStore > add>
    31-32 method [evict] <MemoryStore>
    34-36 function [createStore] <>
    38-38 constant [handlers] <>
    39-41 method [onAdd] <handlers>
    42-45 method [onRemove] <handlers>
    47-47 module [Keys] <>
    48-51 function [of] <Keys>
    53-55 function [open store] <store>
    57-58 function [over] <>
    59-61 function [over] <>
    63-65 function [main] <>
    67-67 import [] <>
timer.lua lua
    1-1 import [] <>
    3-8 method [start M] <M>
    10-12 method [stop] <M>
    14-16 method [elapsed] <M>
    18-20 function [format] <>
    22-29 function [minutes units] <M > units>
tree.ml ocaml
    1-6 type [tree] <>
    8-8 class [Empty] <>
    10-12 function [insert] <>
    14-18 function [add limit Set] <Set>
    20-22 interface [ORDERED compare] <>
widget.dart dart
    1-1 import [] <>
    3-6 class [Counter start] <>
    8-10 method [Counter doubled] <Counter>
    12-16 method [tick] <Counter>
    18-22 enum [Speed Times twice] <>
    24-26 function [main] <>
"""


def _table() -> dict[tuple[str, str], list[str]]:
    table: dict[tuple[str, str], list[str]] = {}
    chunks: list[str] = []
    for line in EXPECTED.strip().splitlines():
        if line.startswith(" "):
            chunks.append(line.strip())
        else:
            name, language = line.split()
            chunks = table[name, language] = []
    return table


TABLE = _table()


@pytest.mark.parametrize(("name", "language"), TABLE)
def test_file_is_cut_at_its_definitions(name: str, language: str) -> None:
    data = (SNIPPETS / f"{name}.snippet").read_bytes()
    chunked = chunk_file(data, language, TARGET_BYTES)
    assert not chunked.gave_up
    found = [
        f"{chunk.start_line}-{chunk.end_line} {chunk.kind} [{chunk.symbol}] <{chunk.scope}>" for chunk in chunked.chunks
    ]
    assert found == TABLE[name, language]


@pytest.mark.parametrize(("name", "language"), TABLE)
def test_language_is_told_from_name_and_content(name: str, language: str) -> None:
    assert detect_language(f"some/folder/{name}", (SNIPPETS / f"{name}.snippet").read_bytes()) == language
    assert language in LANGUAGES


def test_every_snippet_is_in_the_table() -> None:
    assert {path.stem for path in SNIPPETS.iterdir()} == {name for name, _ in TABLE}
