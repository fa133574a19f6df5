"""Begin an embedding from that of a smaller model."""

import torch
from torch import Tensor, nn

from marslab.errors import UserError


@torch.no_grad()
def transfer_embedding(
    source: Tensor, embedding: nn.Embedding, head: nn.Linear | None = None, *, seed: int = 0
) -> None:
    """Copy `source` into the first dims of `embedding`, fill the others, tie `head` to it again.

    The other dims are drawn from N(0, s), s the standard deviation of what was copied, so that no
    dim is louder than another at the start.

    Shapes (V vocabulary, S width of the source, D width of the model, D >= S):
        source: [V, S]; embedding: V x D; head: D -> V without bias, or None if it is tied

    Errors:
        UserError: the model is narrower than the source, or has another vocabulary

    Source:
        design section 9, "embedding transfer"; the other dims and the tied head, which it leaves
        open, as in T53

    >>> embedding = nn.Embedding(4, 6)
    >>> transfer_embedding(torch.ones(4, 2), embedding)
    >>> embedding.weight[0, :2].tolist(), embedding.weight[:, 2:].any().item()
    ([1.0, 1.0], False)
    """
    rows, width = source.shape
    if embedding.num_embeddings != rows:
        raise UserError(
            f"the embedding has {embedding.num_embeddings} rows and the one to copy {rows}: "
            "transfer needs the same tokenizer"
        )
    if embedding.embedding_dim < width:
        raise UserError(
            f"the embedding has {embedding.embedding_dim} dims and the one to copy {width}: "
            f"transfer needs d_model >= {width}; train this one from the start"
        )
    weight = embedding.weight
    draw = torch.Generator().manual_seed(seed)
    others = torch.randn(rows, embedding.embedding_dim - width, generator=draw)
    weight[:, :width] = source.to(weight)
    weight[:, width:] = (others * source.float().std()).to(weight)
    if head is not None:
        head.weight = weight
