# SPDX-License-Identifier: Apache-2.0
"""The cases of make_chat_vectors.py."""

SPECIAL_TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}

WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "Weather of a city, in °C & \"mood\" <b>now</b>.",
    "parameters": {"type": "object", "properties": {
        "city": {"type": "string", "description": "Name, like Zürich"},
        "unit": {"type": "string", "enum": ["c", "f"]}, "days": {"type": "integer", "default": 3}},
        "required": ["city"]}}}
ADD = {"type": "function", "function": {
    "name": "add", "description": "Adds numbers", "parameters": {
        "type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}, "required": []},
    "strict": True, "weights": [1.0, 0.5, 1e-07, 1e+22, -0.0, 100000.0]}}


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


def system(text):
    return {"role": "system", "content": text}


def call(name, arguments, **more):
    return {"type": "function", "function": {"name": name, "arguments": arguments}, **more}


PLAIN = [user("What is 2 + 2?")]
LONG = [system("You count."), user("One"), assistant("Two"), user("Three"), assistant("Four"), user("Five")]
UNICODE = [system("Sprich Deutsch. ñ"), user("Größe 漢字 😀\u200b?\n\n  indented\t"), assistant("  Straße \n"), user("ΟΔΟΣ")]
EMPTY = [system(""), user(""), assistant(""), user("  ")]
THINKING = [user("7*8?"), assistant("<think>\nSeven eights.\n</think>\n\n56"), user("And 9*9?"),
            assistant("81", reasoning_content="\nNine nines.\n"), user("sure?")]
CALLS = [system("Use tools."), user("Weather in Zürich and 1+2?"),
         assistant("", tool_calls=[call("get_weather", {"city": "Zürich", "days": 2}, id="call00001"),
                                   call("add", {"a": 1, "b": 2.5}, id="call00002")]),
         {"role": "tool", "name": "get_weather", "content": "{\"t\": 21}", "tool_call_id": "call00001"},
         {"role": "tool", "name": "add", "content": "3.5", "tool_call_id": "call00002"},
         assistant("21 degrees and 3.5."), user("Thanks")]
ONE_CALL = [user("Add"), assistant(None, tool_calls=[call("add", {"a": [1, None, True], "b": {"x": "<&>'"}}, id="abcdefghi")]),
            {"role": "tool", "content": "done", "tool_call_id": "abcdefghi"}]
TEXT_CALL = [user("Add"), assistant("Calling", tool_calls=[call("add", "{\"a\": 1}")]),
             {"role": "tool", "name": "add", "content": {"sum": 1, "ok": True}}, assistant("It is 1.")]
PARTS = [user([{"type": "text", "text": "Look: "}, {"type": "image"}, {"type": "text", "text": "what?"}]),
         assistant([{"type": "text", "text": "A cat."}]), user("sure?")]
WRONG_ORDER = [user("a"), user("b"), assistant("c"), assistant("d")]
ODD_ROLE = [{"role": "critic", "content": "hm"}, user("x")]
DEVELOPER = [{"role": "developer", "content": "Be brief."}, user("x")]
NO_CONTENT = [user("x"), {"role": "assistant"}]
NUMBERS = [user(42), assistant(1.5), user(True)]
MARKUP = [system("{{ 1 }} {% if %} {# x #}"), user("<s>[INST] </s> <|im_end|> <start_of_turn>"), assistant("a|b"), user("'\"\\")]

MESSAGES = [PLAIN, LONG, UNICODE, EMPTY, THINKING, CALLS, ONE_CALL, TEXT_CALL, PARTS, WRONG_ORDER, ODD_ROLE, DEVELOPER,
            NO_CONTENT, NUMBERS, MARKUP, LONG[:5], [assistant("first")], [system("alone")]]

CONVERSATIONS = (
    [{"messages": messages, "add_generation_prompt": prompt} for messages in MESSAGES for prompt in (False, True)]
    + [{"messages": messages, "tools": [WEATHER, ADD], "add_generation_prompt": True}
       for messages in (PLAIN, LONG, CALLS, ONE_CALL, TEXT_CALL, UNICODE, EMPTY)]
    + [{"messages": CALLS, "tools": [], "add_generation_prompt": True},
       {"messages": PLAIN, "add_generation_prompt": True, "kwargs": {"enable_thinking": False}},
       {"messages": THINKING, "add_generation_prompt": True, "kwargs": {"enable_thinking": False}},
       {"messages": THINKING, "kwargs": {"enable_thinking": True, "preserve_thinking": True}},
       {"messages": LONG, "add_generation_prompt": True, "kwargs": {"date_string": "1 Jan 2030"}},
       {"messages": CALLS, "tools": [ADD], "kwargs": {"tools_in_user_message": False, "builtin_tools": ["code", "search"]}},
       {"messages": PLAIN, "add_generation_prompt": True, "kwargs": {"bos_token": "<other>", "effort": "high"}},
       {"messages": LONG, "kwargs": {"documents_note": "x", "effort": "low"}}])

VARIABLES = {
    "n": 7, "neg": -3, "f": 2.5, "t": True, "no": False, "nil": None, "s": "Hello, World", "u": "Größe ß ǆ ﬁ İ ΑΣ 漢 😀",
    "e": "", "sp": " \t a b \n ", "l": [3, 1, 2], "words": ["b", "A", "c", "a"], "el": [], "d": {"b": 1, "a": [1, 2], "items": 3},
    "users": [{"name": "Bo", "age": 3, "on": True}, {"name": "al", "age": 2, "on": False}, {"name": "Cy", "age": 3}],
    "nested": {"x": {"y": [{"z": "deep"}]}}, "q": "it's \"q\" \\ \n\x07\u00a0", "html": "<a href='x'>&</a>",
    "big": 9007199254740993, "mix": [1, "a", None, True, 1.5, {"k": []}, [], ["x"]], "lines": "one\n\n two\r\nthree\n",
}

EXPRESSIONS = []


def prints(*expressions):
    EXPRESSIONS.extend("{{ " + expression + " }}" for expression in expressions)


def templates(*sources):
    EXPRESSIONS.extend(sources)


# Literals and printing.
prints(
    "1", "1_000", "0", "00", "1.5", "1e3", "1.0e-7", "1e16", "123456789012345680.0", "0.1 + 0.2", "1/3", "100000.0", "1e22", "-0.0",
    "5e-324", "1e400", "1e-400", "-1e999|tojson", "1.7976931348623157e308", "true", "True", "false", "none", "None", "''", "'a' 'b' \"c\"", "'it\\'s'", "\"a\\nb\\tc\"",
    "'\\x41\\u00e9\\U0001f600\\101'", "'\\q\\é'", "'a\\\nb'", "'\\u12'", "[1, 'a', none, 2.0, true]", "[]", "()", "(1,)",
    "(1, 2,)", "1, 2", "{'a': 1, 2: [3], (1,2): none}", "{}", "{'a': 1, 'a': 2}", "{1: 'x', 1.0: 'y', true: 'z'}", "[1,]", "{[1]: 2}",
    "q", "[q]", "[u]", "[html]", "mix", "d", "nested", "['\\u200b', '\\x7f', '\\u00ad', '\\ue000', '\\U000e0001', 'é']", "[\"'\"]", "['\"']",
    "['\\'\"']", "undefined_name", "[undefined_name]", "undefined_name.x", "undefined_name['x']", "undefined_name()", "nil.x", "nil.x.y",
    "nil()", "big", "9223372036854775807", "range(3)", "range(1, 10, 3)", "range(3)|list", "range(100001)", "range(0)", "range('a')",
    "range(5)[1:3]", "range(10)[0:5:2]", "range(10)[::-1]", "range(1, 10, 3)[1:3]", "range(10)[7:2:-2]", "range(10)[2]", "range(1, 2, 0)", "d.items()", "d.keys()", "d.values()", "d['items']", "1 if true", "1 if false",
    "(1 if false) is defined", "1 if false else 2", "1 if n > 3 else 2 if n else 3", "'x' if e else 'y'")
# Operators.
prints(
    "1 + 2 * 3", "(1 + 2) * 3", "7 // 2", "-7 // 2", "7 // -2", "7 % 3", "-7 % 3", "7 % -3", "7.5 // 2", "-7.5 // 2", "7.5 % 2", "-7.5 % 2", "7 / 2", "6 / 2",
    "2 ** 10", "2 ** -1", "2 ** 0.5", "2 ** 3 ** 2", "-2 ** 2", "0 ** -1", "1 / 0", "1 // 0", "1 % 0", "1.0 // 0", "- 5", "+ 5", "-true", "- 'a'",
    "+n", "--5", "not true", "not e", "not not l", "1 and 2", "0 and 2", "0 or 'x'", "'' or none", "l and d", "n > 5 and s", "true + 1", "true == 1", "1 == 1.0",
    "'1' == 1", "[1, 2] == [1, 2]", "[1, 2] == (1, 2)", "{'a': 1} == {'a': 1.0}", "none == false", "undefined_name == undefined_name", "undefined_name == none",
    "undefined_name != 1", "1 < 2 < 3", "1 < 2 > 3", "3 > 2 >= 2 != 1", "'a' < 'b'", "'a' < 1", "[1, 2] < [1, 3]", "(1,) < (1, 2)", "none < 1", "undefined_name < 1",
    "'Z' < 'a' < 'é' < '漢' < '😀'", "1 in [1, 2]", "1.0 in [1, 2]", "'b' in 'abc'", "'' in 'abc'", "'' in ''", "1 in 'abc'", "'a' in {'a': 1}", "'x' not in d", "[1] in {'a': 1}",
    "1 in none", "undefined_name in 'a'", "undefined_name in [1]", "'a' in undefined_name", "3 in range(5)", "not 1 in [2]", "1 ~ 2", "'a' ~ none ~ 1.0 ~ true ~ [1]", "1 ~ undefined_name", "'a' + 'b'",
    "'a' + 1", "1 + 'a'", "[1] + [2]", "(1,) + (2,)", "[1] + (2,)", "'ab' * 3", "3 * 'ab'", "'ab' * -1", "[1, 2] * 2", "(1,) * 3", "'a' * 'b'", "'a' * 2.0", "n - f", "'a' - 'b'", "none + 1",
    "undefined_name + 1", "undefined_name ~ 'x'", "-undefined_name", "1 + 2 ~ 3", "'%s is %d' % ('x', 3)", "'%s' % 'a'", "'%05.2f|%-5s|%5s|%+d|%x|%X|%o' % (3.14159, 'ab', 'cd', 5, 255, 255, 8)", "'%d%%' % 5",
    "'%s' % [1]", "'%s %s' % 'a'", "'%s' % ('a', 'b')", "'%(a)s-%(b)r' % {'a': 1, 'b': 'x'}", "'%r' % 'it'", "'%e %g' % (12345.678, 0.0001)", "'%d' % 3.7", "'%d' % 'a'", "'%5%' % ()", "'%q' % 1", "'%.2s' % 'é漢x'",
    "n if n is odd else 'even'", "1 if true else 1/0", "false and 1/0", "true or 1/0")
# Access, slices, methods.
prints(
    "s[0]", "s[-1]", "s[100]", "s[1:5]", "s[:-2]", "s[::-1]", "s[::2]", "s[5:1:-1]", "s[-100:100]", "s[1:1]", "s[::0]", "s['a':]", "u[3]", "u[0:6]", "u[::-1]", "l[0]", "l[-1]", "l[10]", "l[1:]", "l[:-1]", "l[::-1]", "l[-2:]",
    "l['a']", "l[true]", "l[1.0]", "(1,2,3)[1:]", "d[1:]", "nil[1:]", "undefined_name[1:]", "d.b", "d['b']", "d.a[1]", "d.missing", "d['missing']", "d.missing.x", "d['missing'].x", "nested.x.y[0].z", "nested['x']['y'][0]['z']",
    "nested.x.y.0.z", "l.0", "s.0", "d.__class__", "s.__len__", "l.append(1)", "l.append", "d.update({})", "d.pop('b')", "l.sort()", "d.get('b')", "d.get('zz')", "d.get('zz', 5)", "d.get()", "d.keys()|list", "d.values()|list", "d.items()|list",
    "d.copy()", "l.index(1)", "l.index(9)", "l.count(1)", "l.copy()", "(1,2).count(1)", "s.upper()", "s.lower()", "u.upper()", "u.lower()", "u.title()", "u.capitalize()", "'ΑΣ ΑΣΑ Σ'.lower()", "s.swapcase is defined", "'hello wORLD-foo it\\'s'.title()",
    "'hELLO'.capitalize()", "sp.strip()", "sp.lstrip()", "sp.rstrip()", "'xxaxx'.strip('x')", "'xyaxy'.lstrip('yx')", "'axy'.rstrip('yx')", "'漢a漢'.strip('漢')", "'\\u3000a\\x1c'.strip()", "sp.strip(none)", "sp.strip(1)", "'a,b,,c'.split(',')", "'a,b,c'.split(',', 1)",
    "'  a  b c '.split()", "'  a  b c '.split(none, 1)", "''.split()", "''.split(',')", "'a b'.split('')", "'a,b,c'.rsplit(',', 1)", "' a b  c '.rsplit(none, 1)", "'a b c'.rsplit()", "'aXXbXX'.split('XX')", "'a,b'.split(sep=',', maxsplit=0)", "lines.splitlines()",
    "lines.splitlines(true)", "'a\\x85b\\u2028c'.splitlines()", "'a-b-c'.partition('-')", "'abc'.partition('-')", "'a-b-c'.rpartition('-')", "'abc'.rpartition('-')", "s.startswith('Hello')", "s.startswith(('x', 'H'))", "s.startswith('World', 7)", "s.startswith('H', 0, 0)",
    "s.endswith('ld')", "s.endswith(1)", "s.replace('l', 'L')", "s.replace('l', 'L', 1)", "'aaa'.replace('aa', 'b')", "'abc'.replace('', '-')", "'abc'.replace('', '-', 2)", "''.replace('', 'x')", "''.replace('', 'x', 0)", "s.find('o')", "s.find('o', 5)", "s.find('z')", "u.find('ß')", "s.rfind('o')", "s.index('z')",
    "s.count('l')", "'aaaa'.count('aa')", "s.count('')", "'-'.join(['a', 'b'])", "'-'.join([1])", "''.join(words)", "'-'.join('abc')", "'5'.isdigit()", "''.isdigit()", "'a5'.isalnum()", "'ab'.isalpha()", "' \\n'.isspace()", "'aB'.islower()", "'ab1'.islower()", "'AB'.isupper()",
    "'1'.isupper()", "'prefix-x'.removeprefix('prefix-')", "'x.py'.removesuffix('.py')", "'5'.zfill(3)", "'-5'.zfill(4)", "'a'.ljust(3, '.')", "'a'.rjust(3)", "'ab'.center(5, '*')", "'abc'.center(6, '*')", "'{} and {}'.format(1, 'x')", "'{1}{0}{k}'.format(1, 2, k=[3])", "'{{}}'.format()",
    "'{}'.format()", "'{'.format(1)", "s.nope", "s.nope()", "n.x", "t.x", "d.b.c", "users[0].name", "users[-1]['on']", "users[2].on", "(users|first).name", "users.0.name", "[1,2,3][1]", "{'a': 5}['a']", "{'a': 5}.a", "'abc'[1]", "s.upper().lower()[0:2]",
    "s.split(', ')[1][0]", "dict(a=1, b=2)", "dict({'x': 1}, y=2)", "dict([['a', 1]])", "dict()", "namespace(a=1).a", "namespace().x", "namespace({'a': 3}).a", "namespace(_x=1)", "raise_exception('no')", "strftime_now('%d %b %Y')", "strftime_now('%Y-%m-%d %H:%M:%S %A %B %j %p %%')")
# Filters.
prints(
    "s|length", "u|length", "l|count", "d|length", "nil|length", "n|length", "undefined_name|length", "range(4)|length", "sp|trim", "'xxaxx'|trim('x')", "n|trim", "nil|trim", "undefined_name|trim", "s|upper", "s|lower", "n|upper", "u|upper", "u|lower", "u|capitalize", "u|title", "s|capitalize",
    "'hello wORLD-foo (bar) it\\'s'|title", "nil|default('x')", "undefined_name|default('x')", "undefined_name|d", "e|default('x')", "e|default('x', true)", "nil|d('x', boolean=true)", "l|join", "l|join(', ')", "words|join('-')", "mix|join('|')", "users|join(',', attribute='name')", "users|join(attribute='age')",
    "'abc'|join('.')", "undefined_name|join(',')", "nil|join", "d|join(',')", "s|replace('l', 'L')", "s|replace('l', 'L', 1)", "n|replace(7, 8)", "s|replace('o')", "d|tojson", "mix|tojson", "u|tojson", "q|tojson", "html|tojson", "nested|tojson(indent=2)", "mix|tojson(indent=4)", "{}|tojson(indent=2)", "[[], {}, [1]]|tojson(indent=1)",
    "d|tojson(separators=(',', ':'))", "u|tojson(ensure_ascii=true)", "{'b': 1, 'a': 2}|tojson(sort_keys=true)", "{1: 2, none: 3, true: 4, 1.5: 6}|tojson", "{(1,2): 3}|tojson", "undefined_name|tojson", "(1, 2)|tojson", "range(3)|tojson", "1e22|tojson", "0.1|tojson", "-0.0|tojson", "1e-7|tojson", "'\\x7f\\x1f/'|tojson", "d|tojson(indent='--')", "d|tojson(true, 2)",
    "d.items()|tojson", "l|first", "el|first", "el|first is defined", "s|first", "d|first", "l|last", "el|last", "s|last", "d|last", "undefined_name|first", "nil|first", "l|map('string')|last", "s|list", "d|list", "l|map('string')|list", "nil|list", "undefined_name|list", "users|map(attribute='name')|list", "users|map(attribute='on', default='?')|list",
    "users|map(attribute='on')|list", "users|map('length')|list", "words|map('upper')|join", "words|map('replace', 'a', 'x')|list", "words|map('nope')|list", "words|map|list", "l|map('nope', 1)|join if false", "nested|map(attribute='y.0.z')|list", "[nested.x]|map(attribute='y.0.z')|first", "users|selectattr('on')|map(attribute='name')|list",
    "users|selectattr('age', 'equalto', 3)|list|length", "users|selectattr('on', 'defined')|list|length", "users|rejectattr('on')|map(attribute='name')|join(',')", "users|selectattr('age', '>', 2)|map(attribute='name')|first", "users|selectattr('name', 'in', ['Bo', 'Cy'])|list|length", "users|selectattr('nope', 'nope')|list", "users|selectattr|list", "l|select('odd')|list",
    "l|reject('odd')|list", "mix|select|list", "mix|reject|list", "mix|select('string')|list", "l|select('>', 1)|list", "l|select('divisibleby', 3)|list", "undefined_name|select('odd')|list", "l|select('odd')|length", "l|select('odd')[0] is defined", "d|items|list", "undefined_name|items|list", "l|items|list", "d|dictsort", "{'B': 1, 'a': 2}|dictsort", "{'B': 1, 'a': 2}|dictsort(true)",
    "{'B': 1, 'a': 2}|dictsort(by='value', reverse=true)", "l|dictsort", "n|string", "[1]|string", "nil|string", "'42'|int", "'42.9'|int", "'x'|int", "'x'|int(7)", "' 12 '|int", "'1_0'|int", "'0x1f'|int(base=16)", "'11'|int(0, 2)", "'-5'|int", "3.9|int", "-3.9|int", "true|int", "nil|int", "undefined_name|int", "'1e3'|int", "'inf'|int", "'nan'|int", "[]|int", "'1.5'|float", "'x'|float", "'x'|float(2.5)",
    "n|float", "'1e400'|float", "'-inf'|float", "nil|float", "' 1_0.5 '|float", "2.5|round", "3.5|round", "-2.5|round", "2.675|round(2)", "42.55|round(1, 'floor')", "42.51|round(1, 'ceil')", "7|round", "7|round(1, 'floor')", "'a'|round", "2.5|round|int", "2.5|round(method='x')", "-3|abs", "-3.5|abs", "'a'|abs", "true|abs", "lines|indent", "lines|indent(2, true)", "lines|indent(2, true, true)", "lines|indent(width='>> ')", "'a\\nb'|indent(first=true)",
    "n|indent", "e|indent(2, true)", "html|safe", "html|escape", "html|e|e", "(html|safe) ~ '<'", "(html|safe) + '<'", "'<' + (html|safe)", "(html|safe)|length", "[html|safe]", "(html|safe)|upper + '&'", "(html|e)|tojson", "html|safe|string + '<'", "words|unique|list", "[1, 1.0, 'A', 'a', true]|unique|list", "words|unique(true)|list", "users|unique(attribute='age')|map(attribute='name')|list", "[[1]]|unique|list", "l|sort", "l|sort(reverse=true)", "words|sort", "words|sort(case_sensitive=true)",
    "users|sort(attribute='age')|map(attribute='name')|list", "users|sort(attribute='age,name')|map(attribute='name')|list", "users|sort(reverse=true, attribute='age')|map(attribute='name')|list", "mix|sort", "s|sort|join", "d|sort", "l|reverse|list", "s|reverse", "d|reverse|list", "nil|reverse", "l|map('string')|reverse", "l|sum", "[1.5, 2]|sum", "users|sum(attribute='age')", "words|sum", "[[1], [2]]|sum(start=[])", "el|sum", "l|min", "l|max", "words|min", "words|max", "words|max(case_sensitive=true)", "el|min",
    "users|max(attribute='age')", "users|min(attribute='name')", "mix|max", "range(7)|batch(3)|list", "range(7)|batch(3, 'x')|list", "range(7)|slice(3)|list", "range(7)|slice(3, 'x')|list", "s|nope", "s|nope if false", "'x' if true else s|nope", "'%s-%s'|format('a', 1)", "'%(a)s'|format(a=2)", "'%s'|format", "s|center(20)", "d|attr('b')", "d|attr('get')('b')", "d|attr('b') is defined", "s|lower|upper|first|lower",
    "-5|abs", "-n|abs", "1 + l|length", "'a' ~ l|length ~ 'b'", "(l|length) * 2", "not l|length == 3", "l|length is odd", "[1, [2]]|string|length", "s|upper()", "s|join(d=',')", "s|default", "s|trim(chars='H')", "l|join(1, 2, 3)")
# Tests.
prints(
    "n is defined", "nope is defined", "nope is not defined", "nope is undefined", "nope.x is defined", "d.nope is defined", "d.nope.x is defined", "nil is none", "nope is none", "nil is not none", "not nil is none", "s is string", "n is string", "n is number", "t is number", "f is number", "s is number", "n is integer", "t is integer", "f is integer", "f is float", "n is float", "t is boolean", "n is boolean",
    "t is true", "no is false", "1 is true", "d is mapping", "l is mapping", "namespace() is mapping", "l is sequence", "s is sequence", "d is sequence", "d.items() is sequence", "n is sequence", "nope is sequence", "(1,) is sequence", "range(2) is sequence", "l|map('string') is sequence", "l is iterable", "d.items() is iterable", "n is iterable", "nil is iterable", "nope is iterable", "n is odd", "n is even", "4 is even", "'a' is odd", "9 is divisibleby 3",
    "9 is divisibleby(2)", "1 is divisibleby 0", "n is equalto 7", "n is equalto(8)", "n is eq 7", "n == 7 is true", "n is ne 7", "n is gt 3", "n is ge 7", "n is lt 3", "n is le 7", "n is greaterthan 3", "n is lessthan 3", "1 is in [1, 2]", "1 is in([2])", "'a' is in 'abc'", "'a' is not in 'abc'", "s is lower", "'abc' is lower", "'ABC' is upper", "12 is upper", "nil is sameas none", "n is sameas 7.0", "s is escaped", "(s|safe) is escaped", "s is callable", "range is callable",
    "nope is callable", "'upper' is filter", "'nope' is filter", "'odd' is test", "n is nope", "n is nope if false", "n is string is true", "n is defined and n is odd or nope", "n is odd == true", "n is string or s is string", "n is divisibleby 7 and true", "s is string and s|length > 3", "d is mapping and 'b' in d", "l is iterable and l is not mapping and l is not string", "n is odd if n else 2", "1 is none or 2", "- 3 is odd", "n is equalto n", "l[0] is odd", "d.b is eq 1")
# White space, comments, raw, statements.
templates(
    "a\n{% if true %}\nb\n{% endif %}\nc\n", "a\n  {% if true %}\n  b\n  {% endif %}\n c", "a {%- if true -%} b {%- endif -%} c", "a\n  {%+ if true %}b{% endif +%}\n c", "a  {%- if true +%}\n b{% endif %}", "  {{ n }}  \n  {{- n -}}  \n x", "x {#- c -#} y", "x\n  {# c #}\ny", "x {# c #} y\n{# d +#}\nz", "{# {{ n }} #}a", "{#- a #}\n\nb",
    "a{# unclosed", "a{#", "{% raw %}x", "{{ l.append is defined }}{{ [l.append] }}", "{{ 1", "{% if true", "{{ 'abc }}", "{{ (1 }}", "{{ 1) }}", "{{ [1, }}", "a\n", "a\n\n", "\n", "", "a\r\nb\r{{ n }}\r\n", "{% raw %}{{ n }} {% if %}{% endraw %}x", "{%- raw -%}  {{ n }}  {%- endraw -%}  x", "  {% raw %}\n a{% endraw %}\nb", "{% raw %}", "{{ '}}' }}", "{{ '%}' ~ \"{{\" }}", "{{ {'a': {'b': 1}}.a.b }}", "{{ {'a': {'b': 1}} }}", "{%if n%}x{%endif%}", "{{n}}", "{{\nn\n}}", "{{ n -}}\n\n x", "{{ n +}} x", "{{+ n }}", "\t{% set x = 1 %}\n{{ x }}", "a \t{% set x = 1 %} {{ x }}",
    "{% set x = 5 %}{{ x }}", "{% set x, y = 1, 2 %}{{ x }}{{ y }}", "{% set (x, y) = [1, 2] %}{{ x }}{{ y }}", "{% set x, y = 1 %}", "{% set x, y = [1] %}", "{% set x %}a{{ n }}b{% endset %}[{{ x }}]", "{% set x | upper | trim %} a{{ n }}b {% endset %}[{{ x }}]", "{% set x %}{% set y = 1 %}{% endset %}{{ y }}", "{% set ns = namespace(a=1) %}{% set ns.a = 2 %}{% set ns.b %}q{% endset %}{{ ns.a }}{{ ns.b }}{{ ns.c }}", "{% set d.x = 1 %}", "{% set nope.x = 1 %}",
    "{% set ns = namespace() %}{% set ns._a = 1 %}", "{% set true = 1 %}", "{% set n = 1 %}{{ n }}", "{% set x = n if no %}[{{ x }}]", "{% set x = 1, %}{{ x }}", "{% if no %}a{% elif n == 7 %}b{% else %}c{% endif %}", "{% if no %}a{% elif no %}b{% else %}c{% endif %}", "{% if nope %}a{% endif %}b", "{% if l %}{% set z = 1 %}{% endif %}{{ z }}", "{% if %}{% endif %}", "{% endif %}", "{% if true %}", "{% nope %}", "{% if true %}{% endfor %}", "{% if 1, 2 %}x{% endif %}",
    "{% for x in l %}{{ x }},{% endfor %}", "{% for x in el %}{{ x }}{% else %}none{% endfor %}", "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }} {% endfor %}", "{% for x in l %}{{ loop.previtem }}-{{ loop.nextitem }};{% endfor %}", "{% for x in l %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }};{% endfor %}", "{% for x in l %}{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 1) }}{% endfor %}",
    "{% for x in l %}{{ loop.depth }}{{ loop.nope }}{{ loop.depth0 }}{% endfor %}", "{% for x in l if x > 1 %}{{ x }}{{ loop.index }}/{{ loop.length }} {% endfor %}", "{% for x in l if x > 5 %}{{ x }}{% else %}none{% endfor %}", "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k in d %}{{ k }}{% endfor %}", "{% for k, v in d|dictsort %}{{ k }}={{ v }};{% endfor %}", "{% for a, b in l %}{% endfor %}", "{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "{% for a, b in ['xy', 'zw'] %}{{ a }}.{{ b }} {% endfor %}",
    "{% for c in 'añ漢' %}{{ c }}.{% endfor %}", "{% for x in nil %}{% endfor %}", "{% for x in nope %}a{% else %}b{% endfor %}", "{% for x in n %}{% endfor %}", "{% for x in 1, 2 %}{{ x }}{% endfor %}", "{% for x in [3, 4] + l %}{{ x }}{% endfor %}", "{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}", "{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}", "{% for x in [1] %}{% break %}{% else %}E{% endfor %}", "{% for x in [1, 2] %}{% continue %}{% else %}E{% endfor %}", "{% for x in [1, 2] %}{% if x == 2 %}{% continue %}{% endif %}{% else %}E{% endfor %}",
    "{% break %}", "{% continue %}", "{% for x in l %}{% set y = x %}{{ y }}{% endfor %}{{ y }}", "{% set y = 0 %}{% for x in l %}{% set y = y + x %}{{ y }} {% endfor %}{{ y }}", "{% set ns = namespace(y=0) %}{% for x in l %}{% set ns.y = ns.y + x %}{% endfor %}{{ ns.y }}", "{% for x in l %}{% for y in l %}{{ loop.index }}{{ x }}{{ y }} {% endfor %}{{ loop.index }}|{% endfor %}", "{% for x in l %}{% endfor %}{{ x }}", "{% for n in l %}{{ n }}{% endfor %}{{ n }}", "{% set ns = namespace(on=true) %}{% for x in [1, 2, 3] if ns.on %}{{ x }}{% set ns.on = false %}{% endfor %}", "{% for m in users if m.on is defined and m.on %}{{ m.name }}{{ loop.last }}{% endfor %}", "{% for x in range(3) %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}", "{% for x in l|sort|reverse %}{{ x }}{% endfor %}", "{% for i, u in users|map(attribute='name')|list %}{% endfor %}", "{{ loop is defined }}", "{% for loop in l %}{% endfor %}",
    "{% macro f(a, b=2) %}[{{ a }},{{ b }}]{% endmacro %}{{ f(1) }}{{ f(1, 3) }}{{ f(a=4, b=5) }}{{ f() }}", "{% macro f(a) %}{{ a is defined }}{% endmacro %}{{ f() }}{{ f(1) }}", "{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}", "{% macro f(a) %}{% endmacro %}{{ f(c=2) }}", "{% macro f(a) %}{% endmacro %}{{ f(1, a=2) }}", "{% macro f() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, x=3) }}", "{% macro f(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ f(1) }}", "{% macro f(a=1, b) %}{% endmacro %}", "{% macro f() %}{{ x }}{% endmacro %}{% set x = 9 %}{{ f() }}",
    "{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(4) }}", "{% macro f(x) %}{% set y = x %}{% endmacro %}{{ f(1) }}{{ y }}", "{% macro f(x) %}a\n  b{% endmacro %}{{ f(1)|upper }}", "{% for i in l %}{% macro g() %}{{ i }}{% endmacro %}{{ g() }}{% endfor %}", "{% macro f() %}{{ n }}{% endmacro %}{% for n in [1, 2] %}{{ f() }}{% endfor %}", "{% macro f() %}{% break %}{% endmacro %}", "{% macro f(a, *b) %}{% endmacro %}", "{{ f() }}{% macro f() %}{% endmacro %}", "{% macro f(x) %}{{ x }}{% endmacro %}{{ f(*[1]) }}{{ f(**{'x': 2}) }}{{ [1, 2]|map('string')|join }}",
    "{% macro f(x) %}{{ x }}{% endmacro %}{{ f is callable }}", "{% generation %}a{{ n }}{% set z = 1 %}{% endgeneration %}b{{ z }}", "{%- generation -%} a {%- endgeneration -%} b", "{% for x in l %}{% generation %}{{ x }}{% endgeneration %}{% endfor %}", "{% for x in l %}{% generation %}{% break %}{% endgeneration %}{% endfor %}", "{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a }}", "{% with a = n %}{% with n = 1 %}{{ a }}{{ n }}{% endwith %}{% endwith %}", "{% filter upper %}a{{ s }}{% endfilter %}", "{% filter replace('a', 'b')|upper %}aca{% endfilter %}", "{% print n %}", "{% print 'a' ~ 1 %}",
    "{{ n | upper\n | lower }}", "{{ l\n[0] }}", "{{ s. upper() }}", "{{ 1 . 5 }}", "{{ not }}", "{{ 1 + }}", "{{ }}", "{{ a b }}", "{{ 1 2 }}", "{{ 'a'.b.c }}", "{{ n = 1 }}", "{{ n; }}", "{{ @ }}", "{{ “x” }}", "{{ s|  }}", "{{ s is }}", "{{ f(1 2) }}", "{{ f(a=1, 2) }}", "{{ [1 2] }}", "{{ {1} }}", "{{ {'a' 1} }}", "{{ l[1:2:3:4] }}", "{{ n if }}", "{{ if n }}", "{{ and }}", "{{ true.x }}", "{{ not_a_name }}",
    "{% if n is defined -%}  x{%- endif %}", "{% if not n is defined %}x{% else %}y{% endif %}", "{% if n not in l and 'Hello' in s %}yes{% endif %}", "{%- for m in users -%}{{ m.name ~ ':' ~ m['age'] }}{%- if not loop.last %}{{ ' | ' }}{%- endif -%}{%- endfor -%}", "{%- set parts = s.split(', ') -%}{{ parts[-1] }}{{ parts|length }}", "{% set x = {'a': 1} %}{{ x.a }}{{ x['a'] }}{{ x.get('b', 'z') }}", "{% set x = l[1:] %}{{ x }}{% set x = x + [9] %}{{ x }}", "{{ users[0] is mapping and users[0]['name'] == 'Bo' }}", "{{ (users | selectattr('age', 'gt', 2) | list)[0].name }}",
    "{% if users[0].tool_calls %}a{% else %}b{% endif %}", "{% if users[0].tool_calls is defined and users[0].tool_calls is not none %}a{% else %}b{% endif %}", "{{ ({'role': 'user'}['role'] == 'user') != (0 % 2 == 0) }}", "{{ '\\n'.join(['a', 'b']) }}", "{{ '<|' + 'x' + '|>' + '\\n' }}", "{{ {} is mapping }}{{ {}|length }}{{ {} == {} }}", "{% set a = [] %}{% for x in l %}{% set a = a + [x] %}{% endfor %}{{ a }}", "{% set ns = namespace(items=[]) %}{% for x in l %}{% set ns.items = ns.items + [x * 2] %}{% endfor %}{{ ns.items }}",
    "{% include 'x' %}", "{% extends 'x' %}", "{% import 'x' as y %}", "{% do l.append(1) %}", "{% call f() %}{% endcall %}", "{{ caller() }}", "{{ super() }}")

# Every filter, test and operator on values of every kind.
OPERANDS = ["n", "f", "t", "nil", "s", "u", "e", "l", "words", "d", "users", "mix", "nope", "(1, 'a')", "range(3)", "d.items()", "q",
            "(html|safe)", "'12'", "{}"]
FILTERS = ["abs", "batch(2)|list", "capitalize", "center(9)", "count", "default('z')", "default('z', true)", "dictsort", "escape",
           "first", "float", "float(1)", "indent(2)", "int", "int(5)", "items|list", "join('+')", "last", "length", "list", "lower",
           "map('string')|list", "map(attribute='name')|list", "max", "min", "reject|list", "rejectattr('name')|list", "replace('a', 'b')",
           "reverse|list", "round(1)", "safe", "select|list", "select('string')|list", "selectattr('name')|list", "slice(2)|list", "sort",
           "string", "sum", "title", "tojson", "tojson(indent=1)", "trim", "unique|list", "upper", "string|length"]
TESTS = ["boolean", "callable", "defined", "divisibleby(3)", "eq(7)", "escaped", "even", "false", "float", "ge(3)", "gt('a')", "in(l)", "in(s)",
         "in(d)", "integer", "iterable", "le(nil)", "lower", "lt(2.5)", "mapping", "ne('')", "none", "number", "odd", "sequence", "string", "true",
         "undefined", "upper"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", ">=", "in", "not in", "and", "or"]
SECOND_OPERANDS = ["n", "f", "t", "nil", "'ab'", "[1, 2]", "(3,)", "d", "nope"]

prints(*(f"{operand}|{name}" for operand in OPERANDS for name in FILTERS))
prints(*(f"{operand} is {name}" for operand in OPERANDS for name in TESTS))
# The operator % of a text marked as safe is not supported, and jinja2 slices a literal {} by rules of its own.
prints(*(f"{left} {operator} {right}" for left in OPERANDS for operator in OPERATORS for right in SECOND_OPERANDS
         if not (operator == "%" and "safe" in left)))
prints(*(f"{operand}{access}" for operand in OPERANDS[:-1] for access in ("[0]", "[-1]", "['name']", ".name", "[1:]", "[::-1]", "[nil]", "[nope]")))

# What Python prints with an address is no case.
ADDRESSES = ("object at 0x", "<built-in", "<function", "<bound method")
