"""Writes a model directory's weights as other engines want them: what `npm run bench` compares with."""
