"""The main job, end to end, on MovieLens-100K and a real language model."""
