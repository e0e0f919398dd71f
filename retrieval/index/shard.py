"""Open a shard of Qdrant Edge: its configuration, and the payload indexes that filters need."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.index import DENSE, INTEGER_FIELDS, KEYWORD_FIELDS, LEXICAL, TENANT_FIELD

if TYPE_CHECKING:
    from qdrant_edge import EdgeConfig, EdgeShard


_INDEXED_KILOBYTES = 1_000  # of vectors in a segment that optimising leaves as it is


def open_shard(path: Path, dimension: int | None) -> EdgeShard:
    """Return the shard in `path`, with its payload indexes; it is made if there is none."""
    from qdrant_edge import EdgeShard, KeywordIndexParams, PayloadSchemaType, UpdateOperation

    if (path / "edge_config.json").exists():
        shard = EdgeShard.load(str(path), _config(dimension))
    else:
        shutil.rmtree(path, ignore_errors=True)  # a process killed while it created the shard
        path.mkdir(parents=True)
        shard = EdgeShard.create(str(path), _config(dimension))
    # Before any point, or filtering on them stays slow.
    wanted: dict[str, KeywordIndexParams | PayloadSchemaType] = {
        TENANT_FIELD: KeywordIndexParams(is_tenant=True),
        **dict.fromkeys(KEYWORD_FIELDS, PayloadSchemaType.Keyword),
        **dict.fromkeys(INTEGER_FIELDS, PayloadSchemaType.Integer),
    }
    for field in wanted.keys() - shard.info().payload_schema.keys():
        shard.update(UpdateOperation.create_field_index(field, wanted[field]))
    return shard


def _config(dimension: int | None) -> EdgeConfig:
    from qdrant_edge import (
        Distance,
        EdgeConfig,
        EdgeOptimizersConfig,
        EdgeSparseVectorParams,
        EdgeVectorParams,
        HnswIndexConfig,
        Memory,
        Modifier,
        ScalarQuantizationConfig,
        ScalarType,
    )

    # No graph: without one optimising takes seconds instead of minutes, nothing is approximate but the bytes of the
    # first scan, and those are compared again as they were. Read through the page cache (cold), it opens in a third of
    # the time and holds half the memory.
    dense = EdgeVectorParams(
        size=dimension or 0,
        distance=Distance.Cosine,
        hnsw_config=HnswIndexConfig(m=0, ef_construct=16, full_scan_threshold=10),
        quantization_config=ScalarQuantizationConfig(ScalarType.Int8, quantile=0.99, memory=Memory.Cold),
        memory=Memory.Cold,
    )
    return EdgeConfig(
        vectors={DENSE: dense} if dimension else {},
        sparse_vectors={LEXICAL: EdgeSparseVectorParams(modifier=Modifier.Idf, memory=Memory.Cold)},
        optimizers=EdgeOptimizersConfig(indexing_threshold=_INDEXED_KILOBYTES),
    )
