"""The documentation as a site: docs/ with what it links to, built by zensical, every link checked."""
