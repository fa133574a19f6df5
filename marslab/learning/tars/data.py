"""What TARS learns from: problems of the generator, dialogues and facts of our own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch

from marslab.learning.tars.table import Entry, ExampleTable, table_of
from marslab.memory import HashedNgramEmbedder, Projection
from marslab.tasks.authored import dialogues, knowledge
from marslab.tasks.corpus import Tokenizer, encode_example
from marslab.tasks.reasoning import FAMILIES, problems
from marslab.text import Cp1251Tokenizer

DIALOGUE, KNOWLEDGE = "dialogue", "knowledge"


@dataclass(frozen=True)
class DataConfig:
    """How much of what: `count` problems, mixed by `families` ({}: the generator's 40/35/25).

    >>> DataConfig(count=0)
    Traceback (most recent call last):
    ValueError: data.count must be positive, got 0
    """

    count: int = 50_000
    seed: int = 0
    families: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"data.count must be positive, got {self.count}")


def build_table(config: DataConfig, memory_dim: int) -> ExampleTable:
    """Generate the problems, encode them and the authored texts, and put all into one table.

    Held-out problems are never among them: the generator splits by content.

    Shapes (M memory width):
        memory_dim: M of the model that will learn from it

    >>> table = build_table(DataConfig(count=20), 8)
    >>> len(table) > 20, table.memory.shape[1]
    (True, 8)
    """
    tokenizer = Cp1251Tokenizer()
    facts = [each.fact for each in knowledge()]
    embedder = HashedNgramEmbedder()
    known = torch.as_tensor(embedder(facts))
    entries = [
        *_problems(config, tokenizer),
        *_dialogues(tokenizer),
        *_knowledge(tokenizer),
    ]
    coded = [bytes(tokenizer.encode(text)) for text in facts]
    return table_of(entries, coded, Projection(embedder.dim, memory_dim).down(known))


def task_of(family: str) -> str:
    """The task type that the reflex and the pool give to a family of problems.

    >>> task_of("add"), task_of("syllogism"), task_of("loop")
    ('math', 'analysis', 'code')
    """
    groups: Mapping[str, str] = {"math": "math", "logic": "analysis", "code": "code"}
    return groups[FAMILIES[family].group]


def entry(tokenizer: Tokenizer, prompt: str, answer: str, part: str, task: str) -> Entry:
    """An example of a prompt and its answer."""
    coded = encode_example(tokenizer, prompt, answer)
    return Entry(coded.ids, list(coded.learned).index(True), part, task)


def _problems(config: DataConfig, tokenizer: Tokenizer) -> Iterator[Entry]:
    for made in problems(config.seed, config.count, families=config.families or None):
        task = task_of(made.family)
        yield entry(tokenizer, made.prompt, made.answer_text, made.family, task)


def _dialogues(tokenizer: Tokenizer) -> Iterator[Entry]:
    """Every answer of a dialogue; what was said before it is its prompt."""
    for each in dialogues():
        for at in range(1, len(each.turns), 2):
            prompt = "\n".join(each.turns[:at])
            yield entry(tokenizer, prompt, each.turns[at], DIALOGUE, "chat")


def _knowledge(tokenizer: Tokenizer) -> Iterator[Entry]:
    for number, each in enumerate(knowledge()):
        coded = entry(tokenizer, each.question, each.fact, KNOWLEDGE, "chat")
        yield coded._replace(fact=number)
