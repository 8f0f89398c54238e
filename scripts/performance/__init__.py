"""The page and the plot of a run of `npm run bench`, made from its results alone."""
