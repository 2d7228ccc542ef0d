"""Whether a title that was read names a topic as people type it."""

import pytest

from vamba_cli.tasks.titles import names


@pytest.mark.parametrize(
    ("title", "topic"),
    [
        ("Q&A", "Q&A"), ("I/O", "I/O"), ("A/B testing", "A/B"), ("∑ notation", "∑"), ("GANs", "GAN"),
        ("Classes", "class"),
        ("PCA-based methods", "PCA"), ("3D-Plots", "3D"), ("RNA-Seq", "RNA"), ("k NN classification", "k-NN"),
        ("Chain rule", "the chain rule"), ("PyTorck basics", "PyTorch"), ("Kemel methods", "kernel"),
        ("Illumina sequencing", "Illumina"), ("Ilumina - limitations", "Illumina"), ("10-fork", "fork"),
        ("Coditional Probrability", "conditional probability"), ("minibatch", "mini-batch"), ("Introduction to R", "R"),
        ("t-SNE - Example", "tSNE"), ("T-SNE vs UMAP", "t-SNE"), ("C++ templates", "C++"),
    ],
)  # fmt: skip
def test_titles_that_name_a_topic(title: str, topic: str) -> None:
    assert names(title, topic)


@pytest.mark.parametrize(
    ("title", "topic"),
    [
        ("C++ templates", "C"), ("C# basics", "C"), ("C templates", "C++"), ("10 tips", "lo"), ("Impact", "AC"),
        ("This course", "Illumina"), ("Long reads (3rd generation)", "PacBio"), ("Decision trees", "decision theory"),
        ("Overview", ""), ("Art", "arts and crafts"), ("A fox", "A/B"), ("Step 12", "step 13"),
    ],
)  # fmt: skip
def test_titles_that_do_not(title: str, topic: str) -> None:
    assert not names(title, topic)
