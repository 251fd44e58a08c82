"""What operating points say of embeddings, apart from how those are made."""

from uuid import UUID

from apps.fraud.models import EmbeddingTable


def declared(project_id: UUID) -> dict[str, str]:
    """Whose embeddings a model looks up: the project's, once it has some."""
    there = EmbeddingTable.objects.filter(project_id=project_id).exists()
    return {"embeddings": str(project_id)} if there else {}
