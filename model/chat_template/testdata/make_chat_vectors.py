#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the vectors beside this file with PyPI `jinja2` and `transformers`, the oracles of model/chat_template's tests.

    python3 -m venv venv && venv/bin/pip install transformers jinja2
    venv/bin/python model/chat_template/testdata/make_chat_vectors.py

conversations.json: every template of templates/ with every conversation, rendered as apply_chat_template does.
expressions.json: small templates with what jinja2 prints, or that it raises.
"""

import copy
import datetime
import json
import pathlib

import jinja2
import transformers
from transformers.utils import chat_template_utils

from chat_cases import ADDRESSES, CONVERSATIONS, EXPRESSIONS, VARIABLES, SPECIAL_TOKENS

HERE = pathlib.Path(__file__).resolve().parent
DATE = "2024-07-26"


class FixedDateTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromisoformat(DATE)


def render_chat(template, conversation):
    """What PreTrainedTokenizerBase.apply_chat_template does with tokenize=False."""
    messages = chat_template_utils._normalize_chat_messages(conversation["messages"])
    try:
        rendered, _ = chat_template_utils.render_jinja_template(
            conversations=[messages], tools=conversation.get("tools"), chat_template=template,
            add_generation_prompt=conversation.get("add_generation_prompt", False),
            **{**SPECIAL_TOKENS, **conversation.get("kwargs", {})})
        return {"text": rendered[0]}
    except Exception as error:
        return {"raises": type(error).__name__}


def render_expression(template):
    try:
        # A filter of jinja2 adds to the list that it is given.
        variables = copy.deepcopy(VARIABLES)
        return {"text": chat_template_utils._compile_jinja_template(template).render(**variables)}
    except Exception as error:
        return {"raises": type(error).__name__}


def write(name, document):
    (HERE / name).write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")


def main():
    chat_template_utils.datetime = FixedDateTime
    versions = {"jinja2": jinja2.__version__, "transformers": transformers.__version__}
    templates = sorted((HERE / "templates").glob("*.jinja"))
    vectors = [{"template": path.name, "conversation": i, **render_chat(path.read_text(), conversation)}
               for path in templates for i, conversation in enumerate(CONVERSATIONS)]
    write("conversations.json", {**versions, "date": DATE, "special_tokens": SPECIAL_TOKENS,
                                 "conversations": CONVERSATIONS, "vectors": vectors})
    print(len(templates), "templates,", len(CONVERSATIONS), "conversations,",
          sum("raises" in vector for vector in vectors), "of", len(vectors), "raise")
    expressions = [{"template": template, **render_expression(template)} for template in dict.fromkeys(EXPRESSIONS)]
    expressions = [vector for vector in expressions if not any(text in vector.get("text", "") for text in ADDRESSES)]
    write("expressions.json", {**versions, "date": DATE, "variables": VARIABLES, "vectors": expressions})
    print(len(expressions), "expressions,", sum("raises" in vector for vector in expressions), "raise")


if __name__ == "__main__":
    main()
