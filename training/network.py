"""The reader as torch sees it: BERT with a logit for "this passage answers" and logits for where."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

HEADS = 12
DROPOUT = 0.1
_EPSILON = 1e-12


class SelfAttention(nn.Module):
    """Attention of a layer, its parts named as in the published weights."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.self = nn.ModuleDict({part: nn.Linear(width, width) for part in ("query", "key", "value")})
        self.output = nn.ModuleDict({"dense": nn.Linear(width, width), "LayerNorm": nn.LayerNorm(width, eps=_EPSILON)})

    def forward(self, value: Tensor, allowed: Tensor) -> Tensor:
        n, tokens, width = value.shape
        query, key, content = (
            self.self[part](value).view(n, tokens, HEADS, width // HEADS).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        mixed = functional.scaled_dot_product_attention(query, key, content, attn_mask=allowed)
        joined = self.output["dense"](mixed.transpose(1, 2).reshape(n, tokens, width))
        added: Tensor = self.output["LayerNorm"](functional.dropout(joined, DROPOUT, self.training) + value)
        return added


class Layer(nn.Module):
    """One layer of BERT (arXiv 1810.04805)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = SelfAttention(width)
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, 4 * width)})
        self.output = nn.ModuleDict(
            {"dense": nn.Linear(4 * width, width), "LayerNorm": nn.LayerNorm(width, eps=_EPSILON)}
        )

    def forward(self, value: Tensor, allowed: Tensor) -> Tensor:
        attended = self.attention(value, allowed)
        narrowed = self.output["dense"](functional.gelu(self.intermediate["dense"](attended)))
        added: Tensor = self.output["LayerNorm"](functional.dropout(narrowed, DROPOUT, self.training) + attended)
        return added


class ReaderNetwork(nn.Module):
    """`question [SEP] title. passage` in, a logit and two rows of logits out."""

    def __init__(self, *, layers: int = 6, width: int = 384, words: int = 30522, positions: int = 512) -> None:
        super().__init__()
        self.embeddings = nn.ModuleDict(
            {
                "word_embeddings": nn.Embedding(words, width),
                "position_embeddings": nn.Embedding(positions, width),
                "token_type_embeddings": nn.Embedding(2, width),
                "LayerNorm": nn.LayerNorm(width, eps=_EPSILON),
            }
        )
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(Layer(width) for _ in range(layers))})
        self.first = nn.Linear(width, width)
        self.answers = nn.Linear(width, 1)
        self.span = nn.Linear(width, 2)
        self.embeddings["word_embeddings"].requires_grad_(False)

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logit of each pair [n], and of each token as the first and the last of the answer [n, tokens, 2],
        where the tokens that `mask` leaves out have none."""
        places = torch.arange(ids.shape[1], device=ids.device)
        value = self.embeddings["LayerNorm"](
            self.embeddings["word_embeddings"](ids)
            + self.embeddings["position_embeddings"](places)
            + self.embeddings["token_type_embeddings"](types)
        )
        value = functional.dropout(value, DROPOUT, self.training)
        allowed = mask[:, None, None, :]
        for layer in self.encoder["layer"]:
            value = layer(value, allowed)
        answers = self.answers(torch.tanh(self.first(value[:, 0])))[:, 0]
        return answers, self.span(value).masked_fill(~mask[..., None], -1e4)
