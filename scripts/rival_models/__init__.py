"""Writes a model directory's weights for the engines that `npm run bench` compares with."""
