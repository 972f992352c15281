"""The paper's experiments: what is measured by training again, and the sets on which it can be seen.

Inside: the two synthetic sets (``synthetic``), pure functions of a seed, and the rules of the climb to the
ceiling (``climb``), pure functions of what was measured; both without torch. Beside them the search for label errors:
``label_quality`` trains models that have not seen the labels they judge, ``harm_ranking`` ranks by that and influence.
"""
